import { WORKER_VARIABLE, type ListeningMessage, type RetireMessage } from "./messages.ts";

/** One server process, from the supervisor's side. */
export interface WorkerProcess {
  readonly pid: number;
  /** Resolves to its port once it accepts connections; to null when it ended before. */
  readonly listening: Promise<number | null>;
  /** Resolves to its exit code, 128 + the signal's number when a signal ended it. Never rejects. */
  readonly exited: Promise<number>;
  /** Another one serves in its place: it steers new connections there and drains. */
  retire(listeners: number): void;
  signal(name: "SIGTERM" | "SIGKILL"): void;
}

export interface WorkerStart {
  worker: number;
  /** 0: any that is free. */
  port: number;
  /** A process that does not listen by then is killed. */
  listensWithinMs: number;
}

const MAIN = `${import.meta.dir}/../main.ts`;

/**
 * Starts the program once more as worker `worker`. It writes to our standard output and error by
 * itself: what it says at a crash is not lost with a pipe of ours.
 */
export function startWorker({ worker, port, listensWithinMs }: WorkerStart): WorkerProcess {
  const { promise: listening, resolve } = Promise.withResolvers<number | null>();
  const child = Bun.spawn([process.execPath, MAIN], {
    env: { ...Bun.env, PORT: String(port), [WORKER_VARIABLE]: String(worker) },
    stdio: ["ignore", "inherit", "inherit"],
    ipc(message: ListeningMessage) {
      if (message.type === "listening") resolve(message.port);
    },
  });
  const overdue = setTimeout(() => child.kill("SIGKILL"), listensWithinMs);
  void listening.then(() => clearTimeout(overdue));
  const exited = child.exited.then((exitCode) => {
    resolve(null);
    return exitCode;
  });

  return {
    pid: child.pid,
    listening,
    exited,
    retire(listeners) {
      // Its end of the channel is gone when it has just crashed; its exit says so too.
      if (child.exitCode === null)
        child.send({ type: "retire", listeners } satisfies RetireMessage);
    },
    signal: (name) => child.kill(name),
  };
}
