/** Closes what was opened, last in first out, each exactly once, all within one deadline. */
export interface Lifecycle {
  /** To be called right after opening `name`. */
  onClose(name: string, close: () => Promise<void> | void): void;
  /**
   * Runs the closers in reverse order. A closer that throws is reported and does not stop the others;
   * past the deadline the rest is given up. Resolves to the names of what did not close in order.
   */
  close(deadlineMs: number): Promise<string[]>;
}

export function createLifecycle(report: (name: string, error: unknown) => void): Lifecycle {
  const closers: { name: string; close: () => Promise<void> | void }[] = [];
  let closing: Promise<string[]> | undefined;

  async function closeAll(deadlineMs: number): Promise<string[]> {
    const failed: string[] = [];
    const deadline = AbortSignal.timeout(deadlineMs);
    for (const { name, close } of closers.toReversed()) {
      try {
        deadline.throwIfAborted();
        await untilAborted(Promise.resolve(close()), deadline);
      } catch (error) {
        failed.push(name);
        report(name, error);
      }
    }
    return failed;
  }

  return {
    onClose(name, close) {
      closers.push({ name, close });
    },
    close: (deadlineMs) => (closing ??= closeAll(deadlineMs)),
  };
}

export interface LoopOptions {
  name: string;
  /** Pause between the end of one run and the start of the next, in milliseconds. */
  intervalMs: number;
  run: (signal: AbortSignal) => Promise<void>;
  onError: (name: string, error: unknown) => void;
}

/** Runs `run` again and again, never two at a time; a failed run is reported and the loop goes on. */
export function startLoop({ name, intervalMs, run, onError }: LoopOptions): {
  stop(): Promise<void>;
} {
  const stopped = new AbortController();
  const finished = (async () => {
    while (!stopped.signal.aborted) {
      await run(stopped.signal).catch((error: unknown) => onError(name, error));
      await sleep(intervalMs, stopped.signal);
    }
  })();
  return {
    stop() {
      stopped.abort();
      return finished;
    },
  };
}

/** Resolves after `ms`, or at once when the signal aborts. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(done, ms);
  function done() {
    clearTimeout(timer);
    signal.removeEventListener("abort", done);
    resolve();
  }
  if (signal.aborted) done();
  else signal.addEventListener("abort", done);
  return promise;
}

/** Settles like `work`, or rejects with the signal's reason when that comes first. */
export function untilAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const { promise, resolve, reject } = Promise.withResolvers<Value>();
  const abort = () => reject(signal.reason as Error);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort);
  work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  return promise;
}
