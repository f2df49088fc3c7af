import {
  type AliveMessage,
  type ListeningMessage,
  type RetireMessage,
  WORKER_VARIABLE,
} from "./messages.ts";

const ALIVE_EVERY_MS = 1_000;

/** A worker's end of the channel to its supervisor. */
export interface SupervisorLink {
  /** Which worker this is, from 1. */
  readonly worker: number;
  announceListening(port: number): void;
  /** `listeners`: processes that listen on the port at that moment. */
  onRetire(retire: (listeners: number) => void): void;
  /** The supervisor has died; nobody would restart or stop this process any more. */
  onOrphaned(orphaned: () => void): void;
}

/** Null in a process that no supervisor started. */
export function openSupervisorLink(): SupervisorLink | null {
  const worker = Number(Bun.env[WORKER_VARIABLE]);
  if (!(worker > 0) || !process.send) return null;
  // Sent to the whole terminal, it is the supervisor's business; unheard, it would end this process.
  process.on("SIGHUP", () => {});
  const alive = setInterval(
    () => process.send?.({ type: "alive" } satisfies AliveMessage),
    ALIVE_EVERY_MS,
  ).unref();
  process.on("disconnect", () => clearInterval(alive));
  return {
    worker,
    announceListening: (port) =>
      void process.send?.({ type: "listening", port } satisfies ListeningMessage),
    onRetire: (retire) =>
      void process.on("message", (message: RetireMessage) => {
        if (message.type === "retire") retire(message.listeners);
      }),
    onOrphaned: (orphaned) => void process.on("disconnect", orphaned),
  };
}
