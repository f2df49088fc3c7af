/** From a worker to its supervisor: it accepts connections on the port. */
export interface ListeningMessage {
  type: "listening";
  port: number;
}

/** From a worker to its supervisor, every second: its event loop turns. */
export interface AliveMessage {
  type: "alive";
}

/** From a worker to its supervisor: what are the metrics of all workers? */
export interface GatherMessage {
  type: "gather";
  id: number;
}

/** From a worker to its supervisor: its metrics, in answer to `expose`. */
export interface ExposedMessage {
  type: "exposed";
  id: number;
  text: string;
}

export type FromWorker = ListeningMessage | AliveMessage | GatherMessage | ExposedMessage;

/** From the supervisor to a worker: what are your metrics? */
export interface ExposeMessage {
  type: "expose";
  id: number;
}

/** From the supervisor to a worker: the metrics of those that told them in time, in answer to `gather`. */
export interface GatheredMessage {
  type: "gathered";
  id: number;
  texts: string[];
}

/** From the supervisor to a worker: another one serves in its place, so it may drain and go. */
export interface RetireMessage {
  type: "retire";
  /** Processes that listen on the port now, the retiring one and its replacement included. */
  listeners: number;
}

export type ToWorker = RetireMessage | ExposeMessage | GatheredMessage;

/**
 * Name of the environment variable in which a supervisor tells its child which worker it is. Not a
 * setting: without the supervisor's channel it means nothing.
 */
export const WORKER_VARIABLE = "ONCEOVER_WORKER";
