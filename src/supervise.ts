import type { Config } from "./config.ts";
import { countWorkers } from "./count-workers.ts";
import { explain } from "./explain.ts";
import { checkPortIsFree } from "./listener.ts";
import { onStopSignals } from "./on-stop-signals.ts";
import { createSupervisor } from "./supervisor/supervisor.ts";
import { startWorker } from "./supervisor/worker-process.ts";
import { createLog } from "./telemetry/log.ts";

const LISTENS_WITHIN_MS = 60_000;
/** Beyond its own deadline for a stop, what a worker may take to be gone. */
const STOP_MARGIN_MS = 2_000;

/** Runs several server processes on one port until told to stop, and nothing else in this one. */
export async function supervise(config: Config): Promise<never> {
  const log = createLog(config.LOG_LEVEL);
  const workers = countWorkers(config);
  try {
    checkPortIsFree(config);
  } catch (error) {
    explain(error);
    process.exit(1);
  }
  const supervisor = createSupervisor({
    workers,
    start: (worker, port, gather) =>
      startWorker({
        worker,
        port,
        gather,
        listensWithinMs: LISTENS_WITHIN_MS,
        onSilent: (pid) => log.error({ worker, pid }, "killing a worker that hangs"),
      }),
    port: config.PORT,
    endsWithinMs: config.SHUTDOWN_DEADLINE_MS + STOP_MARGIN_MS,
    log,
    random: Math.random,
  });

  onStopSignals({
    stop(signal) {
      log.info({ reason: signal }, "stopping workers");
      supervisor.stop();
    },
    stopAtOnce(signal) {
      log.error({ reason: signal }, "killing workers");
      supervisor.kill();
    },
  });
  process.on("SIGHUP", () => supervisor.reload());
  process.exit(await supervisor.ended);
}
