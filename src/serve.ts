import type { Config } from "./config.ts";
import { explain } from "./explain.ts";
import { createLifecycle } from "./lifecycle.ts";
import { drain, listen, REPLACED_NOTICE_MS } from "./listener.ts";
import { onStopSignals } from "./on-stop-signals.ts";
import { openServices } from "./services.ts";
import { steerToNewest } from "./supervisor/steer-connections.ts";
import type { SupervisorLink } from "./supervisor/supervisor-link.ts";
import { createLog } from "./telemetry/log.ts";
import { version } from "../package.json";

/** Of the time for a stop, what requests in flight may use; the rest is for buffers and stores. */
const DRAIN_SHARE = 0.8;

/**
 * Runs one server process until it is told to stop: alone, or as one of several that share a port
 * under a supervisor.
 */
export async function serve(config: Config, link: SupervisorLink | null): Promise<void> {
  const log = createLog(config.LOG_LEVEL, link?.worker);
  const lifecycle = createLifecycle((name, err) => log.error({ err, part: name }, "did not close"));
  let isReady = false;
  let stoppingSince: number | null = null;
  let isReplaced = false;

  async function stop(reason: string, exitCode: number) {
    if (stoppingSince !== null) return;
    stoppingSince = performance.now();
    isReady = false;
    log.info({ reason }, "stopping");
    const failed = await lifecycle.close(config.SHUTDOWN_DEADLINE_MS);
    log.info({ failed }, "stopped");
    process.exit(failed.length > 0 ? 1 : exitCode);
  }
  onStopSignals({
    // A supervisor takes a hang-up for the wish to reload; without one it would end us in mid-air.
    others: link ? [] : ["SIGHUP"],
    stop: (signal) => void stop(signal, 0),
    stopAtOnce(signal) {
      log.error({ reason: signal }, "stopping at once");
      process.exit(1);
    },
  });
  link?.onRetire((listeners) => {
    const mistake = steerToNewest(listeners);
    if (mistake) log.warn({ err: mistake }, "connections that just open may be lost");
    if (stoppingSince !== null) return;
    isReplaced = true;
    void stop("replaced", 0);
  });
  link?.onOrphaned(() => void stop("the supervisor is gone", 1));

  try {
    const services = await openServices(config, {
      lifecycle,
      log,
      version,
      isReady: () => isReady,
      link,
    });
    showAdminToken(services.createdAdminToken);
    const server = listen(config, services.handleRequest, { sharesPort: link !== null });
    lifecycle.onClose("server", () => {
      const elapsedMs = performance.now() - (stoppingSince ?? 0);
      const limitMs = config.SHUTDOWN_DEADLINE_MS * DRAIN_SHARE - elapsedMs;
      return isReplaced ? drain(server, limitMs, REPLACED_NOTICE_MS) : drain(server, limitMs);
    });
    services.startLoops();
    isReady = true;
    log.info({ url: server.url.href, version, pid: process.pid }, "listening");
    link?.announceListening(server.port!);
  } catch (error) {
    if (stoppingSince !== null) return;
    explain(error);
    await stop("could not start", 1);
  }
}

/** Past the log, which others may read and keep. */
function showAdminToken(token: string | null): void {
  if (token === null) return;
  process.stderr.write(`Administrator's token, shown only this once: ${token}\n`);
}
