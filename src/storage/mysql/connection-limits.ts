import type { ConnectionPool } from "./connection-pool.ts";

/** How many connections a server allows the user of the pool: the server's limit or the account's, whichever is lower. */
export async function readConnectionLimit(connections: ConnectionPool): Promise<number> {
  const [row = []] = (await connections.runOnce("query", {
    sql: "select @@global.max_connections, @@session.max_user_connections",
    values: [],
    rowsAsArray: true,
  })) as unknown[][];
  const [ofServer, ofUser] = row.map(Number);
  // 0: the account has no limit of its own.
  return Math.min(ofServer ?? Infinity, ofUser || Infinity);
}
