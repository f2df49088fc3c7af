import type { Setting } from "./settings/setting-kinds.ts";
import { SECTIONS } from "./settings.ts";

/** What `bun start --help` prints. */
export function renderHelp(version: string): string {
  const sections = SECTIONS.flatMap(({ title, settings }) => [
    title,
    "",
    ...entries(settings).flatMap(([name, { about, allowed, fallback }]) => [
      `  ${name}${fallback === null ? "" : ` (${fallback})`}`,
      `      ${about.replaceAll("`", "")}`,
      `      ${allowed}`,
    ]),
    "",
  ]);
  return [
    `onceover ${version}: looks at every photo once.`,
    "",
    "Usage: bun start [--help | --version]",
    "",
    "Settings are environment variables, also read from a .env file; defaults in parentheses.",
    "",
    ...sections,
  ].join("\n");
}

/** The README's tables of settings, in Markdown. */
export function renderSettingsTables(): string {
  const tables = SECTIONS.map(({ title, settings }) => {
    const rows = entries(settings).map(([name, { about, allowed, fallback }]) => {
      const shown = fallback === null ? "" : `\`${fallback}\``;
      return `| \`${name}\` | ${shown} | ${about} | ${allowed.replaceAll("|", "\\|")} |`;
    });
    const head = ["| variable | default | meaning | allowed |", "|---|---|---|---|"];
    return [`### ${title}`, "", ...head, ...rows].join("\n");
  });
  return tables.join("\n\n");
}

/** `.env.example`: every setting with its default, commented out. */
export function renderEnvExample(): string {
  const sections = SECTIONS.map(({ title, settings }) => {
    const blocks = entries(settings).map(
      ([name, { about, allowed, fallback }]) =>
        `# ${about}\n# ${allowed}\n# ${name}=${fallback ?? ""}\n`,
    );
    return `## ${title}\n\n${blocks.join("\n")}`;
  });
  return `# Copy to .env and uncomment what you change.\n\n${sections.join("\n")}`;
}

function entries(settings: Record<string, Setting<unknown>>): [string, Setting<unknown>][] {
  return Object.entries(settings);
}
