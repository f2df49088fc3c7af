import { drizzle, type MySql2Database } from "drizzle-orm/mysql2";
import type { Pool } from "mysql2/promise";
import type { ConnectionPool } from "./connection-pool.ts";

interface DrizzleStatement {
  sql: string;
  rowsAsArray?: boolean;
}

/**
 * Drizzle over the pool's deadlines. Drizzle asks little of a client: `query`, and in a pool
 * `getConnection` for its transactions. Statements go as text, because batches come in any size and
 * each would be a prepared statement of its own.
 */
export function createDrizzle(connections: ConnectionPool): MySql2Database {
  const client = {
    query: async (statement: DrizzleStatement, values: unknown[]) => [
      await connections.runOnce("query", toStatement(statement, values)),
    ],
    getConnection: async () => {
      const connection = await connections.acquire();
      return {
        query: async (statement: DrizzleStatement, values: unknown[]) => [
          await connections.run(connection, "query", toStatement(statement, values)),
        ],
        release: () => connection.release(),
      };
    },
  };
  return drizzle({ client: client as unknown as Pool });
}

function toStatement({ sql, rowsAsArray = false }: DrizzleStatement, values: unknown[] = []) {
  return { sql, values, rowsAsArray };
}
