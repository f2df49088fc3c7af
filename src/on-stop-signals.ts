/** Ctrl-C reaches us twice, from the terminal and from `bun run`; that is one wish, not two. */
const SAME_WISH_MS = 500;

export interface StopSignals {
  /** Besides SIGTERM and SIGINT. */
  others?: readonly NodeJS.Signals[];
  /** At the first of them. */
  stop: (signal: string) => void;
  /** Asked again, somebody does not want to wait. */
  stopAtOnce: (signal: string) => void;
}

/** Calls back when this process is told to stop. */
export function onStopSignals({ others = [], stop, stopAtOnce }: StopSignals): void {
  let firstAt: number | null = null;
  for (const signal of ["SIGTERM", "SIGINT", ...others]) {
    process.on(signal, () => {
      const now = performance.now();
      if (firstAt === null) {
        firstAt = now;
        stop(signal);
      } else if (now - firstAt >= SAME_WISH_MS) {
        stopAtOnce(signal);
      }
    });
  }
}
