import type { LocalModelFailure } from "../classification/ports/local-model.ts";
import type { Outcome } from "../classification/ports/outcome.ts";
import { condemn, createGuard } from "./native-guard.ts";
import type { FromWorker, ModelView, OpenMessage, ToWorker } from "./protocol.ts";

/** What happens to the workers of a pool, for logs and metrics. `worker`: 0 to the number of workers - 1. */
export type WorkerEvent =
  | { type: "worker_ready"; worker: number; startMs: number }
  | { type: "worker_lost"; worker: number; detail: string; restartInMs: number }
  /** A lost worker is still inside native code; its replacement waits until it comes out. */
  | { type: "worker_stuck"; worker: number };

export interface WorkerSlotOptions {
  index: number;
  workerUrl: URL;
  open: Omit<OpenMessage, "guard">;
  readyTimeoutMs: number;
  /** The delay before a restart doubles with every failed start, from `min` to `max`. */
  backoffMs: { min: number; max: number };
  onEvent: (event: WorkerEvent) => void;
  /** Called whenever `isReady` or `failures` has changed. */
  onChange: () => void;
}

type Answer = Outcome<number[][], LocalModelFailure>;

/** A running worker thread and what it owes. */
interface Running {
  worker: Worker;
  guard: SharedArrayBuffer;
  startedAt: number;
  /** Lost: nothing it says counts any more, its thread may still be about to end. */
  isLost: boolean;
  /** Resolves when the thread has ended. */
  ended: Promise<void>;
}

/**
 * One place for a worker: starts it, gives it one task at a time, and replaces it when it crashes,
 * overruns or does not get ready. A successor starts only when its predecessor's thread has ended,
 * so that a slot never holds two.
 */
export class WorkerSlot {
  /** Starts and crashes in a row without an answer in between. */
  failures = 0;
  isReady = false;
  restarts = 0;
  /** null between a thread's end and the next start, and after stop. */
  #running: Running | null = null;
  /** The task with the worker, if any; settled exactly once. */
  #pending: { taskId: number; settle: (answer: Answer) => void } | null = null;
  /** The running worker's deadline to be ready, or the wait before the next one's start. */
  #timer: Timer | null = null;
  #isStopped = false;
  #nextTaskId = 1;

  constructor(readonly options: WorkerSlotOptions) {
    this.#start();
  }

  /** Call only while ready and without another task. The pixels' buffers are transferred. */
  infer(views: readonly ModelView[], timeoutMs: number): Promise<Answer> {
    const running = this.#running;
    if (!this.isReady || running === null || this.#pending !== null)
      return Promise.resolve(crashed("The worker was lost before it got the picture."));
    const taskId = this.#nextTaskId++;
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const timer = setTimeout(() => {
      this.#settle({ ok: false, reason: "timeout", detail: `No answer within ${timeoutMs} ms.` });
      this.#lose(running, "overran its time limit");
    }, timeoutMs);
    this.#pending = {
      taskId,
      settle: (answer) => {
        clearTimeout(timer);
        resolve(answer);
      },
    };
    const buffers = views.map(({ pixels }) => pixels.buffer);
    post(running.worker, { type: "infer", taskId, views }, buffers);
    return promise;
  }

  /** Ends the worker for good. Resolves when its thread has ended, or after `graceMs` without it. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopped = true;
    this.isReady = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const running = this.#running;
    if (running === null) return;
    this.#lose(running, "stopped");
    let grace: Timer | undefined;
    const graceOver = new Promise<void>((resolve) => (grace = setTimeout(resolve, graceMs)));
    await Promise.race([running.ended, graceOver]);
    clearTimeout(grace);
  }

  #start(): void {
    const { workerUrl, open, readyTimeoutMs } = this.options;
    const worker = new Worker(workerUrl, { smol: true });
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const guard = createGuard();
    const running: Running = { worker, guard, startedAt: performance.now(), isLost: false, ended };
    this.#running = running;
    worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) =>
      this.#hear(running, data),
    );
    worker.addEventListener("error", ({ message }) => this.#lose(running, `failed: ${message}`));
    worker.addEventListener("close", () => {
      end();
      this.#lose(running, "ended by itself");
      this.#restartLater();
    });
    this.#timer = setTimeout(
      () => this.#lose(running, `was not ready within ${readyTimeoutMs} ms`),
      readyTimeoutMs,
    );
    post(worker, { ...open, guard });
  }

  #hear(running: Running, message: FromWorker): void {
    if (message.type === "yielded") running.worker.terminate();
    if (running.isLost) return;
    switch (message.type) {
      case "ready":
        return this.#becomeReady(running);
      case "broken":
        return this.#lose(running, `cannot load the model: ${message.detail}`);
      case "answer":
      case "failed":
        if (message.taskId !== this.#pending?.taskId) return;
        this.failures = 0;
        return this.#settle(
          message.type === "answer"
            ? { ok: true, value: message.probabilities }
            : crashed(`The worker could not run the model: ${message.detail}`),
        );
    }
  }

  #becomeReady(running: Running): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.isReady = true;
    const startMs = performance.now() - running.startedAt;
    this.options.onEvent({ type: "worker_ready", worker: this.options.index, startMs });
    this.options.onChange();
  }

  /** Gives a worker up, once: settles what it owes and ends its thread as soon as that is safe. */
  #lose(running: Running, why: string): void {
    if (running.isLost) return;
    running.isLost = true;
    this.isReady = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const { index, onEvent, onChange } = this.options;
    if (!this.#isStopped) {
      this.failures++;
      const restartInMs = this.#backoffMs();
      onEvent({ type: "worker_lost", worker: index, detail: `The worker ${why}.`, restartInMs });
    }
    if (condemn(running.guard)) running.worker.terminate();
    else if (!this.#isStopped) onEvent({ type: "worker_stuck", worker: index });
    this.#settle(crashed(`The worker ${why}.`));
    onChange();
  }

  #restartLater(): void {
    this.#running = null;
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.restarts++;
      this.#start();
    }, this.#backoffMs());
  }

  #backoffMs(): number {
    const { min, max } = this.options.backoffMs;
    return Math.min(max, min * 2 ** (this.failures - 1));
  }

  #settle(answer: Answer): void {
    const pending = this.#pending;
    this.#pending = null;
    pending?.settle(answer);
  }
}

function post(worker: Worker, message: ToWorker, transfer: ArrayBuffer[] = []): void {
  worker.postMessage(message, transfer);
}

function crashed(detail: string): Answer {
  return { ok: false, reason: "worker_crashed", detail };
}
