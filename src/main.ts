import { renderHelp } from "./cli-help.ts";
import { ConfigError, parseConfig, type Config } from "./config.ts";
import { createLifecycle } from "./lifecycle.ts";
import { openServices } from "./services.ts";
import { createLog } from "./telemetry/log.ts";
import { version } from "../package.json";

/** Longer than any classification, or Bun would cut waiting clients off after 10 s. */
function idleTimeoutS({ REQUEST_DEADLINE_MS }: Config): number {
  return Math.min(255, Math.ceil(REQUEST_DEADLINE_MS / 1000) + 10);
}

/** Ours answer with a problem document first; this is the listener's own, for what gets past them. */
function maxBodyBytes({ MAX_IMAGE_SIZE_MB }: Config): number {
  return Math.ceil(MAX_IMAGE_SIZE_MB * 1_048_576) * 21;
}

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
    const server = Bun.serve({
      hostname: config.HOST,
      port: config.PORT,
      idleTimeout: idleTimeoutS(config),
      maxRequestBodySize: maxBodyBytes(config),
      fetch: services.handleRequest,
    });
    lifecycle.onClose("server", () => server.stop());
    services.startLoops();
    isReady = true;
    log.info({ url: server.url.href, version }, "listening");
  } catch (error) {
    if (stoppingSince !== null) return;
    explain(error);
    await stop("could not start", 1);
  }
}

/** One readable line per mistake of the operator's; a stack only for what is a mistake of ours. */
function explain(error: unknown): void {
  const isExpected =
    error instanceof ConfigError ||
    (error instanceof Error &&
      ["ProfileError", "ModelLoadError", "DatabaseError"].includes(error.name));
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
