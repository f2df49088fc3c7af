import type { Logger } from "pino";
import { restartDelayMs } from "./restart-delay.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** A worker that ran for so long before it ended was no failed start. */
const STABLE_MS = 30_000;
/** With no worker serving, so many ends in a row without a start between them are the end. */
const HOPELESS_ENDS = 5;
/** Exit code of a process that SIGTERM ended. */
const TERMINATED = 128 + 15;

export interface SupervisorOptions {
  workers: number;
  /** Starts worker `worker` on `port`; 0: any that is free. `gather` reads the metrics of all. */
  start: (worker: number, port: number, gather: () => Promise<string[]>) => WorkerProcess;
  port: number;
  /** After that, a worker that was asked to end is killed. */
  endsWithinMs: number;
  log: Logger;
  random: () => number;
}

/** Keeps a number of server processes running on one port. */
export interface Supervisor {
  /** Exit code for the supervisor: of a stop, or of the worker that could not start. */
  readonly ended: Promise<number>;
  /** Replaces the workers one by one; one more round when asked during a round. */
  reload(): void;
  /** Lets every worker drain. */
  stop(): void;
  /** Kills every worker. */
  kill(): void;
}

/** One place in the fleet; its processes come and go. */
interface Slot {
  readonly worker: number;
  /** The one that serves or is to serve; null while a pause before its restart lasts. */
  current: WorkerProcess | null;
  /** Ends in a row that came too early. */
  failures: number;
  restart: Timer | null;
  /** A replacement is being started: it, not a restart, follows when `current` ends. */
  isBeingReplaced: boolean;
}

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { workers, start, endsWithinMs, log, random } = options;
  const { promise: ended, resolve: end } = Promise.withResolvers<number>();
  const slots = Array.from({ length: workers }, (_, index): Slot => ({
    worker: index + 1,
    current: null,
    failures: 0,
    restart: null,
    isBeingReplaced: false,
  }));
  /** Every process that has not ended, retiring ones included. */
  const alive = new Set<WorkerProcess>();
  const serving = new Set<WorkerProcess>();
  let port = options.port;
  const stopping = new AbortController();
  /** What `ended` resolves to once all are gone. */
  let stopCode = 0;
  let endsInARow = 0;
  let reloading: Promise<void> | null = null;
  let isReloadWanted = false;
  let gathering: Promise<string[]> | null = null;

  /** Shared by all who ask meanwhile. */
  function gather(): Promise<string[]> {
    gathering ??= exposeAll().finally(() => {
      gathering = null;
    });
    return gathering;
  }

  async function exposeAll(): Promise<string[]> {
    const texts = await Promise.all(slots.map(({ current }) => current?.expose()));
    return texts.filter((text): text is string => Boolean(text));
  }

  function launch(slot: Slot): WorkerProcess {
    const process = start(slot.worker, port, gather);
    const startedAt = performance.now();
    alive.add(process);
    void process.listening.then((announced) => {
      if (announced === null) return;
      port = announced;
      endsInARow = 0;
      serving.add(process);
    });
    void process.exited.then((exitCode) => {
      alive.delete(process);
      const hasServed = serving.delete(process);
      if (stopping.signal.aborted) {
        // One that was still being loaded has no way to end but by the signal, and nothing to lose.
        const endedWell = exitCode === 0 || (exitCode === TERMINATED && !hasServed);
        if (!endedWell) stopCode ||= 1;
        if (alive.size === 0) end(stopCode);
      } else if (slot.current === process) {
        slot.current = null;
        if (performance.now() - startedAt > STABLE_MS) slot.failures = 0;
        log.error({ worker: slot.worker, pid: process.pid, exitCode }, "a worker ended");
        comeBack(slot, exitCode);
      }
    });
    return process;
  }

  /** Starts the slot's worker again after a pause, or gives everything up. */
  function comeBack(slot: Slot, exitCode: number): void {
    slot.failures++;
    endsInARow++;
    if (serving.size === 0 && endsInARow >= HOPELESS_ENDS) {
      log.error({ exitCode }, "no worker can start");
      stopCode = exitCode || 1;
      stop();
    } else if (!slot.isBeingReplaced) {
      const delayMs = Math.round(restartDelayMs(slot.failures, random));
      log.info({ worker: slot.worker, delayMs }, "a worker will be started again");
      slot.restart = setTimeout(() => {
        slot.restart = null;
        slot.current = launch(slot);
      }, delayMs);
    }
  }

  /** Resolves to whether the slot's worker was replaced; else the old one goes on. */
  async function replace(slot: Slot): Promise<boolean> {
    if (slot.restart) clearTimeout(slot.restart);
    slot.restart = null;
    slot.isBeingReplaced = true;
    const replacement = launch(slot);
    const hasStarted = (await replacement.listening) !== null;
    slot.isBeingReplaced = false;
    if (stopping.signal.aborted) return false;
    if (!hasStarted) {
      if (!slot.current) comeBack(slot, await replacement.exited);
      return false;
    }
    const old = slot.current;
    slot.current = replacement;
    slot.failures = 0;
    if (old) {
      old.retire(serving.size);
      const overdue = setTimeout(() => old.signal("SIGKILL"), endsWithinMs);
      const exitCode = await old.exited;
      clearTimeout(overdue);
      if (exitCode !== 0)
        log.warn({ worker: slot.worker, exitCode }, "a replaced worker was cut off");
    }
    return true;
  }

  async function reloadAll(): Promise<void> {
    await Promise.all(slots.map(({ current }) => current?.listening));
    while (isReloadWanted && !stopping.signal.aborted) {
      isReloadWanted = false;
      log.info({ workers }, "reloading");
      let replaced = 0;
      for (const slot of slots) {
        const isReplaced = await replace(slot);
        if (stopping.signal.aborted) return;
        if (!isReplaced) break;
        replaced++;
      }
      if (replaced === workers) log.info({ workers }, "reloaded");
      else
        log.error({ replaced }, "reload given up: a new worker did not start, the old ones go on");
    }
  }

  function stop(): void {
    stopping.abort();
    for (const { restart } of slots) if (restart) clearTimeout(restart);
    for (const process of alive) process.signal("SIGTERM");
    if (alive.size === 0) return end(stopCode);
    setTimeout(() => {
      log.error({ pids: [...alive].map(({ pid }) => pid) }, "killing workers that did not end");
      kill();
    }, endsWithinMs).unref();
  }

  function kill(): void {
    for (const process of alive) process.signal("SIGKILL");
  }

  /** The first one alone: it finds out what cannot work, prepares the database and picks the port. */
  async function startAll([first, ...others]: readonly Slot[]): Promise<void> {
    const process = launch(first!);
    if ((await process.listening) === null) {
      const exitCode = await process.exited;
      if (!stopping.signal.aborted) end(exitCode || 1);
      return;
    }
    if (stopping.signal.aborted) return;
    first!.current = process;
    for (const slot of others) slot.current = launch(slot);
    await Promise.all(others.map(({ current }) => current?.listening));
    if (serving.size === workers) log.info({ workers, port }, "all workers listen");
  }

  const started = startAll(slots);
  return {
    ended,
    reload() {
      isReloadWanted = true;
      reloading ??= started.then(reloadAll).finally(() => {
        reloading = null;
      });
    },
    stop,
    kill,
  };
}
