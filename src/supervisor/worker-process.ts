import { type FromWorker, type ToWorker, WORKER_VARIABLE } from "./messages.ts";
import { createQuestions } from "./questions.ts";

/** One server process, from the supervisor's side. */
export interface WorkerProcess {
  readonly pid: number;
  /** Resolves to its port once it accepts connections; to null when it ended before. */
  readonly listening: Promise<number | null>;
  /** Resolves to its exit code, 128 + the signal's number when a signal ended it. Never rejects. */
  readonly exited: Promise<number>;
  /** Another one serves in its place: it steers new connections there and drains. */
  retire(listeners: number): void;
  /** Its metrics; null when it does not tell them in time. */
  expose(): Promise<string | null>;
  signal(name: "SIGTERM" | "SIGKILL"): void;
}

export interface WorkerStart {
  worker: number;
  /** 0: any that is free. */
  port: number;
  /** A process that does not listen by then is killed. */
  listensWithinMs: number;
  /** It has listened, then fallen silent, and is killed now: connections given to it would wait forever. */
  onSilent: (pid: number) => void;
  /** Answers it when it asks for the metrics of all workers. */
  gather: () => Promise<string[]>;
}

/** Seconds without a sign of life after which a worker counts as hung. */
const MAX_SILENT_S = 10;
const EXPOSES_WITHIN_MS = 1_000;

const MAIN = `${import.meta.dir}/../main.ts`;

/**
 * Starts the program once more as worker `worker`. It writes to our standard output and error by
 * itself: what it says at a crash is not lost with a pipe of ours.
 */
export function startWorker(options: WorkerStart): WorkerProcess {
  const { worker, port, listensWithinMs, onSilent, gather } = options;
  const exposing = createQuestions<string>(EXPOSES_WITHIN_MS);
  const { promise: listening, resolve } = Promise.withResolvers<number | null>();
  let silentS = 0;
  const child = Bun.spawn([process.execPath, MAIN], {
    env: { ...Bun.env, PORT: String(port), [WORKER_VARIABLE]: String(worker) },
    stdio: ["ignore", "inherit", "inherit"],
    ipc(message: FromWorker) {
      silentS = 0;
      if (message.type === "listening") resolve(message.port);
      else if (message.type === "exposed") exposing.answer(message.id, message.text);
      else if (message.type === "gather") void tell(message.id);
    },
  });
  const overdue = setTimeout(() => child.kill("SIGKILL"), listensWithinMs);
  void listening.then(() => clearTimeout(overdue));
  // Seconds are counted rather than compared, so that a pause of the whole machine counts as one.
  let watch: Timer | undefined;
  void listening.then((announced) => {
    if (announced !== null) watch = setInterval(watchOver, 1_000);
  });
  function watchOver(): void {
    if (++silentS !== MAX_SILENT_S) return;
    onSilent(child.pid);
    child.kill("SIGKILL");
  }
  const exited = child.exited.then((exitCode) => {
    clearInterval(watch);
    resolve(null);
    return exitCode;
  });

  async function tell(id: number): Promise<void> {
    send({ type: "gathered", id, texts: await gather() });
  }

  function send(message: ToWorker): void {
    try {
      child.send(message);
    } catch {
      // Its end of the channel is gone when it has just crashed; its exit says so too.
    }
  }

  return {
    pid: child.pid,
    listening,
    exited,
    retire: (listeners) => send({ type: "retire", listeners }),
    expose: () => exposing.ask((id) => send({ type: "expose", id })),
    signal: (name) => child.kill(name),
  };
}
