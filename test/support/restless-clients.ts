import { ConnectionLostError, openConnection, type RawRequest } from "./http-connection.ts";

export interface RestlessClients {
  /** Requests that were answered with the expected status so far. */
  readonly answered: number;
  /** What became of all others: a status, or how the connection was lost. */
  readonly lost: readonly string[];
  /** Lets each client finish its request. */
  stop(): Promise<void>;
}

export interface ClientsOptions {
  connections: number;
  /** Whether a client stays on its connection until the server says that it will close it. */
  keepsAlive: boolean;
  request: () => RawRequest;
}

/** Clients that ask again as soon as they are answered, and repeat nothing. */
export function startClients(url: string, options: ClientsOptions): RestlessClients {
  const { connections, keepsAlive, request } = options;
  const lost: string[] = [];
  let answered = 0;
  const stopped = new AbortController();

  async function askOnOneConnection(): Promise<void> {
    using connection = openConnection(url);
    let isLast = false;
    while (!isLast && !stopped.signal.aborted) {
      const { headers, ...asked } = request();
      const how = { Connection: keepsAlive ? "keep-alive" : "close" };
      const response = await connection.request({ ...asked, headers: { ...headers, ...how } });
      if (response.status === 200) answered++;
      else lost.push(String(response.status));
      isLast = !keepsAlive || response.headers["connection"] === "close";
    }
  }
  async function ask(): Promise<void> {
    while (!stopped.signal.aborted) {
      try {
        await askOnOneConnection();
      } catch (error) {
        if (!(error instanceof ConnectionLostError)) throw error;
        lost.push(error.code);
      }
    }
  }
  const asking = Promise.all(Array.from({ length: connections }, ask));

  return {
    get answered() {
      return answered;
    },
    lost,
    async stop() {
      stopped.abort();
      await asking;
    },
  };
}
