import { renderHelp } from "./cli-help.ts";
import { parseConfig, type Config } from "./config.ts";
import { explain } from "./explain.ts";
import { openSupervisorLink } from "./supervisor/supervisor-link.ts";
import { version } from "../package.json";

/** Of the two ways to run, only the one that is taken is loaded: a supervisor stays small. */
async function start(config: Config): Promise<void> {
  const link = openSupervisorLink();
  if (link === null && (config.WORKERS === "auto" || config.WORKERS > 1)) {
    const { supervise } = await import("./supervise.ts");
    await supervise(config);
  } else {
    const { serve } = await import("./serve.ts");
    await serve(config, link);
  }
}

const [argument] = Bun.argv.slice(2);
if (argument === "--help" || argument === "-h") {
  process.stdout.write(renderHelp(version));
} else if (argument === "--version") {
  process.stdout.write(`${version}\n`);
} else if (argument !== undefined) {
  process.stderr.write(
    `Unknown argument ${argument}. Settings are environment variables; see --help.\n`,
  );
  process.exit(2);
} else {
  let config: Config;
  try {
    config = parseConfig(Bun.env);
  } catch (error) {
    explain(error);
    process.exit(2);
  }
  await start(config);
}
