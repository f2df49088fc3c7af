import { renderHelp } from "./cli-help.ts";
import { parseConfig, type Config } from "./config.ts";
import { createLifecycle } from "./lifecycle.ts";
import { drain, listen } from "./listener.ts";
import { openServices } from "./services.ts";
import { createLog } from "./telemetry/log.ts";
import { version } from "../package.json";

/** Of the time for a stop, what requests in flight may use; the rest is for buffers and stores. */
const DRAIN_SHARE = 0.8;
/** Ctrl-C reaches us twice, from the terminal and from `bun run`; that is one wish, not two. */
const SAME_SIGNAL_MS = 500;

async function start(config: Config): Promise<void> {
  const log = createLog(config.LOG_LEVEL);
  const lifecycle = createLifecycle((name, err) => log.error({ err, part: name }, "did not close"));
  let isReady = false;
  let stoppingSince: number | null = null;

  async function stop(reason: string, exitCode: number) {
    if (stoppingSince !== null) {
      if (performance.now() - stoppingSince < SAME_SIGNAL_MS) return;
      log.error({ reason }, "stopping at once");
      process.exit(1);
    }
    stoppingSince = performance.now();
    isReady = false;
    log.info({ reason }, "stopping");
    const failed = await lifecycle.close(config.SHUTDOWN_DEADLINE_MS);
    log.info({ failed }, "stopped");
    process.exit(failed.length > 0 ? 1 : exitCode);
  }
  process.on("SIGTERM", () => void stop("SIGTERM", 0));
  process.on("SIGINT", () => void stop("SIGINT", 0));

  try {
    const services = await openServices(config, {
      lifecycle,
      log,
      version,
      isReady: () => isReady,
    });
    const server = listen(config, services.handleRequest);
    lifecycle.onClose("server", () => {
      const elapsedMs = performance.now() - (stoppingSince ?? 0);
      return drain(server, config.SHUTDOWN_DEADLINE_MS * DRAIN_SHARE - elapsedMs);
    });
    services.startLoops();
    isReady = true;
    log.info({ url: server.url.href, version }, "listening");
  } catch (error) {
    if (stoppingSince !== null) return;
    explain(error);
    await stop("could not start", 1);
  }
}

/** Names of errors whose message alone tells an operator what to mend. */
const OPERATORS_ERRORS = new Set([
  "ConfigError",
  "DatabaseError",
  "JournalError",
  "ListenError",
  "ModelLoadError",
  "ProfileError",
]);

/** One readable line per mistake of the operator's; a stack only for what is a mistake of ours. */
function explain(error: unknown): void {
  const isExpected = error instanceof Error && OPERATORS_ERRORS.has(error.name);
  const message =
    error instanceof Error ? (isExpected ? error.message : error.stack) : String(error);
  process.stderr.write(`onceover cannot start:\n${message}\n`);
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
