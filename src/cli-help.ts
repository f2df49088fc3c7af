import type { Setting } from "./setting-kinds.ts";
import { SETTINGS } from "./settings.ts";

/** What `bun start --help` prints. */
export function renderHelp(version: string): string {
  const lines = entries().flatMap(([name, { about, allowed, fallback }]) => [
    `  ${name}${fallback === null ? "" : ` (${fallback})`}`,
    `      ${about.replaceAll("`", "")}`,
    `      ${allowed}`,
  ]);
  return [
    `onceover ${version}: looks at every photo once.`,
    "",
    "Usage: bun start [--help | --version]",
    "",
    "Settings are environment variables, also read from a .env file; defaults in parentheses.",
    "",
    ...lines,
    "",
  ].join("\n");
}

/** The README's table of settings, in Markdown. */
export function renderSettingsTable(): string {
  const rows = entries().map(([name, { about, allowed, fallback }]) => {
    const shown = fallback === null ? "" : `\`${fallback}\``;
    return `| \`${name}\` | ${shown} | ${about} | ${allowed.replaceAll("|", "\\|")} |`;
  });
  return ["| variable | default | meaning | allowed |", "|---|---|---|---|", ...rows].join("\n");
}

/** `.env.example`: every setting with its default, commented out. */
export function renderEnvExample(): string {
  const blocks = entries().map(
    ([name, { about, allowed, fallback }]) =>
      `# ${about}\n# ${allowed}\n# ${name}=${fallback ?? ""}\n`,
  );
  return `# Copy to .env and uncomment what you change.\n\n${blocks.join("\n")}`;
}

function entries(): [string, Setting<unknown>][] {
  return Object.entries<Setting<unknown>>(SETTINGS);
}
