import mysql, { type Connection, type Pool, type PoolConnection, type QueryError } from "mysql2";
import { DatabaseError } from "../database-error.ts";

export interface ConnectionPoolOptions {
  /** `mysql://user:password@host:port/database`; mysql2's own options may follow as a query string. */
  url: string;
  poolSize: number;
  /** How long a statement waits for a connection. */
  acquireTimeoutMs: number;
  /** How long a statement may run, on either side of the network. */
  statementTimeoutMs: number;
  connectTimeoutMs: number;
}

export interface Statement {
  sql: string;
  values: unknown[];
  /** Rows as arrays rather than objects. */
  rowsAsArray: boolean;
}

/** Statements may queue this many times the pool's size before they are turned away. */
const QUEUE_FACTOR = 50;
/** Server-side prepared statements kept per connection; the oldest are closed. */
const MAX_PREPARED_STATEMENTS = 64;
const KEEP_ALIVE_AFTER_MS = 30_000;
const CLOSE_WITHIN_MS = 3_000;

/**
 * mysql2's pool with the deadlines that it lacks: a bounded wait for a connection and a bounded
 * wait for an answer. Opening it does not touch the network.
 */
export class ConnectionPool {
  readonly pool: Pool;
  /** Every open connection, so that closing can end those that do not answer. */
  readonly #connections = new Set<PoolConnection>();

  constructor(private readonly options: ConnectionPoolOptions) {
    this.pool = mysql.createPool({
      ...connectionOptions(options),
      connectionLimit: options.poolSize,
      queueLimit: options.poolSize * QUEUE_FACTOR,
      maxPreparedStatements: MAX_PREPARED_STATEMENTS,
    });
    this.pool.on("connection", (connection: PoolConnection) => this.#prepare(connection));
  }

  /** Rejects after the acquire timeout; a connection that comes later goes straight back. */
  acquire(): Promise<PoolConnection> {
    return new Promise((resolve, reject) => {
      let isWaiting = true;
      const timer = setTimeout(() => {
        isWaiting = false;
        const { acquireTimeoutMs } = this.options;
        reject(new DatabaseError("unreachable", `no connection within ${acquireTimeoutMs} ms`));
      }, this.options.acquireTimeoutMs);
      this.pool.getConnection((error, connection) => {
        clearTimeout(timer);
        if (!isWaiting) connection?.release();
        else if (error) reject(error);
        else resolve(connection);
      });
    });
  }

  /**
   * Runs one statement on a connection, prepared or as text. A connection that gave no answer in
   * time is destroyed: its answer would be taken for that of the next statement's.
   */
  run(
    connection: PoolConnection,
    protocol: "execute" | "query",
    statement: Statement,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        destroy(connection);
        const { statementTimeoutMs } = this.options;
        reject(new DatabaseError("unreachable", `no answer within ${statementTimeoutMs} ms`));
      }, this.options.statementTimeoutMs);
      const settle = (error: QueryError | null, answer: unknown) => {
        clearTimeout(timer);
        if (!error) return resolve(answer);
        if (error.fatal) destroy(connection);
        reject(error);
      };
      if (protocol === "execute") connection.execute(statement as never, settle);
      else connection.query(statement, settle);
    });
  }

  /** Runs one statement on whichever connection is free. */
  async runOnce(protocol: "execute" | "query", statement: Statement): Promise<unknown> {
    const connection = await this.acquire();
    try {
      return await this.run(connection, protocol, statement);
    } finally {
      connection.release();
    }
  }

  /** Lets running statements end, for a bounded time. */
  async close(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.pool.end(() => resolve()));
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, CLOSE_WITHIN_MS);
    await Promise.race([ended, late]);
    clearTimeout(timer);
    for (const connection of this.#connections) destroy(connection);
  }

  /** Sets a new connection's session up, ahead of the statement that it was opened for. */
  #prepare(connection: PoolConnection): void {
    this.#connections.add(connection);
    connection.on("end", () => this.#connections.delete(connection));
    connection.on("error", () => this.#connections.delete(connection));
    for (const setting of sessionSettings(connection, this.options.statementTimeoutMs))
      connection.query(setting, (error) => {
        if (error) destroy(connection);
      });
  }
}

/** Shared by the pool and by the connection that migrates. */
export function connectionOptions({ url, connectTimeoutMs }: ConnectionPoolOptions) {
  const { protocol, hostname, pathname } = URL.parse(url) ?? {};
  // The text of the URL stays out of the message: it may hold a password.
  if (protocol !== "mysql:" || !hostname || !pathname || pathname === "/")
    throw new DatabaseError(
      "refused",
      "the database URL is not of the form mysql://user:password@host:port/database",
    );
  return {
    uri: url,
    connectTimeout: connectTimeoutMs,
    // Integers above 2^53 come as strings instead of being rounded.
    supportBigNumbers: true,
    charset: "utf8mb4",
    enableKeepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_AFTER_MS,
  } satisfies mysql.ConnectionOptions;
}

/**
 * Statement deadlines that the server enforces itself: MariaDB's in seconds and for every statement,
 * MySQL's in milliseconds and for reads alone. Lock waits are bounded on both, in whole seconds.
 */
function sessionSettings(connection: PoolConnection, statementTimeoutMs: number): string[] {
  const seconds = statementTimeoutMs / 1_000;
  const deadline = isMariadb(connection)
    ? `max_statement_time = ${seconds}`
    : `max_execution_time = ${Math.ceil(statementTimeoutMs)}`;
  return [
    `set session ${deadline}, innodb_lock_wait_timeout = ${Math.max(1, Math.ceil(seconds))},
      sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'`,
    "set session transaction isolation level read committed",
  ];
}

function isMariadb(connection: PoolConnection): boolean {
  const { _handshakePacket: handshake } = connection as unknown as {
    _handshakePacket?: { serverVersion?: string };
  };
  return handshake?.serverVersion?.includes("MariaDB") ?? false;
}

/** Ends a connection whatever the server does. What waits for its answer is never settled. */
export function destroy(connection: Connection): void {
  connection.destroy();
  // mysql2 only says goodbye, which a server that hangs would never hear.
  (connection as unknown as { stream: { destroy(): void } }).stream.destroy();
}
