import { Database } from "bun:sqlite";
import { join } from "node:path";
import mysql from "mysql2/promise";

/** What lies in a database, read past the server. */
export interface StoredRows {
  /** Digests of the results, as hex. */
  digests: Set<string>;
  /** Claimed hashes, as hex, each once per caller. */
  claims: string[];
  /** Lines of the request log. */
  requests: number;
  /** Migrations that were applied. */
  migrations: number;
}

type Query = (text: string) => Promise<unknown[]>;

const CONNECT_TIMEOUT_MS = 5_000;

/** Reads the SQLite file of a data folder. */
export async function readSqliteRows(dataDir: string): Promise<StoredRows> {
  using database = new Database(join(dataDir, "onceover.db"), { readonly: true });
  return await readRows(async (text) => database.query<[unknown], []>(text).values().flat());
}

/** Reads a MySQL database by its URL. */
export async function readMysqlRows(url: string): Promise<StoredRows> {
  const connection = await mysql.createConnection({
    uri: url,
    connectTimeout: CONNECT_TIMEOUT_MS,
    rowsAsArray: true,
  });
  // A server that is killed while we read is no surprise here.
  connection.on("error", () => {});
  try {
    return await readRows(async (text) => {
      const [rows] = await connection.query<mysql.RowDataPacket[][]>(text);
      return rows.flat();
    });
  } finally {
    connection.destroy();
  }
}

async function readRows(query: Query): Promise<StoredRows> {
  const digests = await query("select lower(hex(digest)) from results");
  const claims = await query("select lower(hex(alias)) from alias_claims");
  const [requests] = await query("select count(*) from request_log");
  const [migrations] = await query("select count(*) from __drizzle_migrations");
  return {
    digests: new Set(digests.map(String)),
    claims: claims.map(String),
    requests: Number(requests),
    migrations: Number(migrations),
  };
}
