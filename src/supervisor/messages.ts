/** From a worker to its supervisor: it accepts connections on the port. */
export interface ListeningMessage {
  type: "listening";
  port: number;
}

/** From a worker to its supervisor, every second: its event loop turns. */
export interface AliveMessage {
  type: "alive";
}

/** From the supervisor to a worker: another one serves in its place, so it may drain and go. */
export interface RetireMessage {
  type: "retire";
  /** Processes that listen on the port now, the retiring one and its replacement included. */
  listeners: number;
}

/**
 * Name of the environment variable in which a supervisor tells its child which worker it is. Not a
 * setting: without the supervisor's channel it means nothing.
 */
export const WORKER_VARIABLE = "ONCEOVER_WORKER";
