/** What became of the requests on many connections. */
export interface ConnectionsReport {
  answered: number;
  /** Connections that were lost or whose answer was not 200. */
  failed: number;
  /** Milliseconds from each request to its answer. */
  latenciesMs: number[];
}

/** Connections that stay open between requests. */
export interface ManyConnections extends Disposable {
  /** One request on each, all at once. */
  askAll(): Promise<ConnectionsReport>;
  /** Requests one after the other on each of the first `active`, for so long. */
  ask(active: number, durationS: number): Promise<ConnectionsReport>;
}

interface Connection {
  socket: Bun.Socket<undefined>;
  /** Settles the request in flight; null while there is none. */
  answer: ((isGood: boolean) => void) | null;
  isLost: boolean;
}

/** Connections that are opened at once: a listener's queue holds a few hundred. */
const OPENING = 100;
const ANSWERED_WITHIN_MS = 30_000;

/** Opens `count` connections to the server; `request` is sent as it is and answered in one packet. */
export async function openMany(
  url: string,
  count: number,
  request: string,
): Promise<ManyConnections> {
  const { hostname, port } = new URL(url);
  const connections: Connection[] = [];
  while (connections.length < count) {
    const missing = Math.min(OPENING, count - connections.length);
    const opened = Array.from({ length: missing }, () => open(hostname, Number(port)));
    connections.push(...(await Promise.all(opened)));
  }

  async function askWhile(chosen: readonly Connection[], isGoingOn: () => boolean) {
    const report: ConnectionsReport = { answered: 0, failed: 0, latenciesMs: [] };
    await Promise.all(
      chosen.map(async (connection) => {
        do {
          const startedAt = performance.now();
          if (!(await askOnce(connection, request))) {
            report.failed++;
            return;
          }
          report.answered++;
          report.latenciesMs.push(performance.now() - startedAt);
        } while (isGoingOn());
      }),
    );
    return report;
  }
  return {
    askAll: () => askWhile(connections, () => false),
    ask(active, durationS) {
      const until = performance.now() + durationS * 1000;
      return askWhile(connections.slice(0, active), () => performance.now() < until);
    },
    [Symbol.dispose]() {
      for (const { socket } of connections) socket.terminate();
    },
  };
}

async function open(hostname: string, port: number): Promise<Connection> {
  const connection: Connection = { socket: null!, answer: null, isLost: false };
  const settle = (isGood: boolean) => {
    connection.answer?.(isGood);
    connection.answer = null;
  };
  connection.socket = await Bun.connect({
    hostname,
    port,
    socket: {
      data: (_, bytes) => settle(bytes.toString("latin1", 9, 12) === "200"),
      close() {
        connection.isLost = true;
        settle(false);
      },
    },
  });
  return connection;
}

function askOnce(connection: Connection, request: string): Promise<boolean> {
  if (connection.isLost) return Promise.resolve(false);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const overdue = setTimeout(() => resolve(false), ANSWERED_WITHIN_MS);
  connection.answer = (isGood) => {
    clearTimeout(overdue);
    resolve(isGood);
  };
  connection.socket.write(request);
  return promise;
}
