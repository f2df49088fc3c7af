import { type FromWorker, type ToWorker, WORKER_VARIABLE } from "./messages.ts";
import { createQuestions } from "./questions.ts";

const ALIVE_EVERY_MS = 1_000;
/** Longer than the supervisor waits for a worker that does not tell its metrics. */
const GATHER_WITHIN_MS = 2_000;

/** A worker's end of the channel to its supervisor. */
export interface SupervisorLink {
  /** Which worker this is, from 1. */
  readonly worker: number;
  announceListening(port: number): void;
  /** `listeners`: processes that listen on the port at that moment. */
  onRetire(retire: (listeners: number) => void): void;
  /** How this process tells its metrics. */
  onExpose(expose: () => Promise<string>): void;
  /**
   * The metrics of all workers that tell them in time, but not of one that is being replaced; null: the
   * supervisor does not answer.
   */
  gather(): Promise<string[] | null>;
  /** The supervisor has died; nobody would restart or stop this process any more. */
  onOrphaned(orphaned: () => void): void;
}

/** Null in a process that no supervisor started. */
export function openSupervisorLink(): SupervisorLink | null {
  const worker = Number(Bun.env[WORKER_VARIABLE]);
  if (!(worker > 0) || !process.send) return null;
  // Sent to the whole terminal, it is the supervisor's business; unheard, it would end this process.
  process.on("SIGHUP", () => {});
  const alive = setInterval(() => send({ type: "alive" }), ALIVE_EVERY_MS).unref();
  process.on("disconnect", () => clearInterval(alive));
  const gathering = createQuestions<string[]>(GATHER_WITHIN_MS);
  listen("gathered", ({ id, texts }) => gathering.answer(id, texts));
  return {
    worker,
    announceListening: (port) => send({ type: "listening", port }),
    onRetire: (retire) => listen("retire", ({ listeners }) => retire(listeners)),
    onExpose: (expose) =>
      listen("expose", async ({ id }) => {
        // What it reads may be closed already; an empty text spares the supervisor the wait.
        send({ type: "exposed", id, text: await expose().catch(() => "") });
      }),
    gather: () => gathering.ask((id) => send({ type: "gather", id })),
    onOrphaned: (orphaned) => void process.on("disconnect", orphaned),
  };
}

function send(message: FromWorker): void {
  process.send?.(message);
}

function listen<Type extends ToWorker["type"]>(
  type: Type,
  listener: (message: Extract<ToWorker, { type: Type }>) => void,
): void {
  process.on("message", (message: ToWorker) => {
    if (message.type === type) listener(message as Extract<ToWorker, { type: Type }>);
  });
}
