import type { LocalModelFailure } from "../classification/ports/local-model.ts";
import type { Outcome } from "../classification/ports/outcome.ts";
import type { ModelView, OpenMessage } from "./protocol.ts";
import { type WorkerEvent, WorkerSlot } from "./worker-slot.ts";

export interface WorkerPoolOptions {
  workers: number;
  /** Tasks that may wait for their turn; one more is answered `overloaded`. */
  maxQueued: number;
  /** Time for one picture within a worker; one that overruns it is replaced. */
  taskTimeoutMs: number;
  open: Omit<OpenMessage, "guard">;
  /** Default 15,000. */
  readyTimeoutMs?: number;
  /** Default 100 to 10,000. */
  backoffMs?: { min: number; max: number };
  onEvent?: (event: WorkerEvent) => void;
  /** For tests with workers that misbehave. */
  workerUrl?: URL;
}

export interface PoolStats {
  workers: number;
  ready: number;
  busy: number;
  queued: number;
  completed: number;
  failed: number;
  restarts: number;
}

type Answer = Outcome<number[][], LocalModelFailure>;
/** Makes the worker's input, when it is the task's turn. Never rejects, bounds its own time. */
export type LoadViews = () => Promise<Outcome<readonly ModelView[], LocalModelFailure>>;

interface Task {
  load: LoadViews;
  /** Settles the caller's promise; only the first call counts. */
  settle(answer: Answer): void;
  /** True once the caller has its answer, be it that the deadline has passed. */
  isSettled(): boolean;
}

/** Failures in a row after which tasks no longer wait for a slot's next start. */
const HOPELESS_FAILURES = 3;
/** How long a closing pool waits for threads to end. */
const STOP_GRACE_MS = 1000;
/** Timers take a signed 32-bit number of milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** A task whose picture is decoded. */
interface LoadedTask {
  task: Task;
  views: readonly ModelView[];
}

/**
 * Owns the workers and the bounded queue before them. Every task it takes settles. A worker's turn is
 * the decoding of a picture and then its inference; several workers have one picture more decoded than
 * they can look at, so that none waits for the hand-overs between threads. A single one does not: who
 * sets it gives the local model one core.
 */
export class WorkerPool {
  readonly #slots: readonly WorkerSlot[];
  readonly #queue: Task[] = [];
  /** From the start of a task's load to the end of its worker's part. */
  readonly #turns = new Set<Task>();
  /** Those of them that wait for a worker. */
  readonly #loaded: LoadedTask[] = [];
  readonly #busy = new Set<WorkerSlot>();
  #completed = 0;
  #failed = 0;
  /** Set by close; its waiters hear when the last task has gone. */
  #closing: { drained: PromiseWithResolvers<void>; done: Promise<void> } | null = null;

  constructor(private readonly options: WorkerPoolOptions) {
    const { workers, open, workerUrl = new URL("./worker.ts", import.meta.url) } = options;
    this.#slots = Array.from(
      { length: workers },
      (_, index) =>
        new WorkerSlot({
          index,
          workerUrl,
          open,
          readyTimeoutMs: options.readyTimeoutMs ?? 15_000,
          backoffMs: options.backoffMs ?? { min: 100, max: 10_000 },
          onEvent: options.onEvent ?? (() => {}),
          onChange: () => this.#pump(),
        }),
    );
  }

  /** Settles by `deadlineAt` (milliseconds since the epoch), whatever the workers do. */
  run(load: LoadViews, deadlineAt: number): Promise<Answer> {
    if (this.#closing !== null) return Promise.resolve(CLOSED);
    if (!this.isAvailable()) return Promise.resolve(NO_WORKER);
    if (deadlineAt <= Date.now()) return Promise.resolve(LATE);
    const isFull =
      this.#queue.length >= this.options.maxQueued && this.#turns.size >= this.#maxTurns();
    if (isFull) return Promise.resolve(OVERLOADED);
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#queue.push(this.#createTask(load, deadlineAt, resolve));
    this.#pump();
    return promise;
  }

  /** Whether a task given now has a chance: false once closed, or while every worker keeps failing. */
  isAvailable(): boolean {
    return this.#closing === null && this.#slots.some(isHopeful);
  }

  stats(): PoolStats {
    return {
      workers: this.#slots.length,
      ready: this.#readySlots(),
      busy: this.#busy.size,
      queued: this.#queue.length + Math.max(0, this.#turns.size - this.#readySlots()),
      completed: this.#completed,
      failed: this.#failed,
      restarts: this.#slots.reduce((sum, slot) => sum + slot.restarts, 0),
    };
  }

  /**
   * Takes no more tasks, finishes those it has for up to `deadlineMs`, answers the rest `closed` and
   * ends the workers. A worker that is still inside native code then is left to the process's end.
   */
  close(deadlineMs: number): Promise<void> {
    if (this.#closing === null) {
      const drained = Promise.withResolvers<void>();
      this.#closing = { drained, done: this.#drainAndStop(drained.promise, deadlineMs) };
      this.#pump();
    }
    return this.#closing.done;
  }

  async #drainAndStop(drained: Promise<void>, deadlineMs: number): Promise<void> {
    let deadline: Timer | undefined;
    const deadlinePassed = new Promise<void>((resolve) => {
      deadline = setTimeout(resolve, deadlineMs);
    });
    await Promise.race([drained, deadlinePassed]);
    clearTimeout(deadline);
    for (const task of [...this.#queue.splice(0), ...this.#turns]) task.settle(CLOSED);
    await Promise.all(this.#slots.map((slot) => slot.stop(STOP_GRACE_MS)));
  }

  #createTask(load: LoadViews, deadlineAt: number, resolve: (answer: Answer) => void): Task {
    let isSettled = false;
    const task: Task = {
      load,
      isSettled: () => isSettled,
      settle: (answer) => {
        if (isSettled) return;
        isSettled = true;
        clearTimeout(timer);
        if (answer.ok) this.#completed++;
        else this.#failed++;
        resolve(answer);
      },
    };
    const timer = setTimeout(
      () => {
        this.#forget(task);
        task.settle(LATE);
        this.#pump();
      },
      Math.min(Math.max(0, deadlineAt - Date.now()), MAX_TIMER_MS),
    );
    return task;
  }

  /** Brings pictures and free workers together; called whenever either may have changed. */
  #pump(): void {
    for (let slot = this.#freeSlot(); slot !== undefined; slot = this.#freeSlot()) {
      const loaded = this.#loaded.shift();
      if (loaded === undefined) break;
      this.#busy.add(slot);
      void this.#infer(slot, loaded);
    }
    while (this.#turns.size < this.#maxTurns()) {
      const task = this.#queue.shift();
      if (task === undefined) break;
      this.#turns.add(task);
      void this.#load(task);
    }
    if (!this.#slots.some(isHopeful)) {
      for (const task of [...this.#queue, ...this.#loaded.map((one) => one.task)]) {
        this.#forget(task);
        task.settle(NO_WORKER);
      }
    }
    if (this.#queue.length === 0 && this.#turns.size === 0) this.#closing?.drained.resolve();
  }

  async #load(task: Task): Promise<void> {
    const loaded = await task.load();
    // The worker's time is not spent on an answer that nobody waits for.
    if (loaded.ok && !task.isSettled()) this.#loaded.push({ task, views: loaded.value });
    else {
      if (!loaded.ok) task.settle(loaded);
      this.#turns.delete(task);
    }
    this.#pump();
  }

  async #infer(slot: WorkerSlot, { task, views }: LoadedTask): Promise<void> {
    if (!task.isSettled()) task.settle(await slot.infer(views, this.options.taskTimeoutMs));
    this.#busy.delete(slot);
    this.#turns.delete(task);
    this.#pump();
  }

  /** Takes a task out of where it waits, if it does. */
  #forget(task: Task): void {
    const place = this.#queue.indexOf(task);
    if (place >= 0) this.#queue.splice(place, 1);
    const loaded = this.#loaded.findIndex((one) => one.task === task);
    if (loaded < 0) return;
    this.#loaded.splice(loaded, 1);
    this.#turns.delete(task);
  }

  #maxTurns(): number {
    const ready = this.#readySlots();
    return ready > 1 ? ready + 1 : ready;
  }

  #readySlots(): number {
    return this.#slots.filter((slot) => slot.isReady).length;
  }

  #freeSlot(): WorkerSlot | undefined {
    return this.#slots.find((slot) => slot.isReady && !this.#busy.has(slot));
  }
}

function isHopeful(slot: WorkerSlot): boolean {
  return slot.isReady || slot.failures < HOPELESS_FAILURES;
}

const CLOSED: Answer = { ok: false, reason: "closed", detail: "The local model is closed." };
const LATE: Answer = { ok: false, reason: "timeout", detail: "No answer before the deadline." };
const OVERLOADED: Answer = {
  ok: false,
  reason: "overloaded",
  detail: "Too many pictures wait for the local model.",
};
const NO_WORKER: Answer = {
  ok: false,
  reason: "worker_crashed",
  detail: "The workers of the local model keep failing.",
};
