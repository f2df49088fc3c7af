import { fileURLToPath } from "node:url";
import { drizzle } from "drizzle-orm/mysql2";
import { migrate } from "drizzle-orm/mysql2/migrator";
import mysql from "mysql2";
import type { Connection, RowDataPacket } from "mysql2/promise";
import { DatabaseError, rootCause } from "../database-error.ts";
import { connectionOptions, destroy, type ConnectionPoolOptions } from "./connection-pool.ts";

const MIGRATIONS = fileURLToPath(new URL("../../../drizzle/mysql", import.meta.url));
/** How long one instance waits for others that migrate the same database. */
const LOCK_WAIT_S = 30;
/** How long everything may take, after which the connection and with it the lock are given up. */
const DEADLINE_MS = 120_000;

/**
 * Applies what is missing, on a connection of its own that holds a named lock: the pool's
 * connections have statement deadlines that a large migration would not meet.
 */
export async function migrateMysql(options: ConnectionPoolOptions): Promise<void> {
  const connection = mysql.createConnection(connectionOptions(options));
  // A connection that dies between two statements must not become an uncaught event.
  connection.on("error", () => {});
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new DatabaseError("unreachable", `no answer within ${DEADLINE_MS} ms`)),
    DEADLINE_MS,
  );
  try {
    await Promise.race([migrateOn(connection.promise()), late]);
  } catch (error) {
    throw toDatabaseError(error);
  } finally {
    clearTimeout(timer);
    // The server frees a lock with its connection, whatever state that is in.
    destroy(connection);
  }
}

async function migrateOn(connection: Connection): Promise<void> {
  await lock(connection);
  await migrate(drizzle({ client: connection }), { migrationsFolder: MIGRATIONS });
}

/** The lock's name is the database's: named locks span the server's databases. */
async function lock(connection: Connection): Promise<void> {
  const [[row] = []] = await connection.query<RowDataPacket[]>(
    "select get_lock(left(concat('onceover:', sha1(database())), 64), ?) as locked",
    [LOCK_WAIT_S],
  );
  if (row?.["locked"] !== 1)
    throw new DatabaseError("unreachable", "another instance is migrating the database");
}

/** Server errors (MySQL reference, "Server Error Message Reference") that pass by themselves. */
const PASSING = new Set(["ER_CON_COUNT_ERROR", "ER_SERVER_SHUTDOWN", "ER_LOCK_WAIT_TIMEOUT"]);

function toDatabaseError(error: unknown): DatabaseError {
  if (error instanceof DatabaseError) return error;
  const cause = rootCause(error) as Error & { code?: string; sqlState?: string };
  const isAnswer = cause.sqlState !== undefined && !PASSING.has(cause.code ?? "");
  return new DatabaseError(
    isAnswer ? "refused" : "unreachable",
    isAnswer
      ? `the database refused: ${cause.message}`
      : `cannot reach the database: ${cause.message || cause.code}`,
    { cause: error },
  );
}
