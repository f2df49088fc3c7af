import type { Logger } from "pino";
import { type Lifecycle, startLoop } from "./lifecycle.ts";

/** Runs `run` again and again, `intervalMs` apart, until the lifecycle ends it; failures are logged. */
export function runInBackground(
  { lifecycle, log }: { lifecycle: Lifecycle; log: Logger },
  name: string,
  intervalMs: number,
  run: (signal: AbortSignal) => Promise<void>,
): void {
  const onError = (loop: string, err: unknown) =>
    log.error({ err, loop }, "background work failed");
  const { stop } = startLoop({ name, intervalMs, run, onError });
  lifecycle.onClose(name, stop);
}
