/**
 * The least that a hit from a database costs: one prepared read of a row by its key. As a script, a
 * bare server that reads raw for every request; argument: the file or URL of a filled database.
 */
import { Database } from "bun:sqlite";
import mysql, { type Pool } from "mysql2";
import { DEFAULT_PROFILE } from "../../src/classification/profile.ts";

const POOL_SIZE = 10;
const SQL = "select * from results where profile_id = ? and digest = ?";

/** Rejects when there is no such row. */
export type PointRead = (profileId: string, digest: string) => Promise<unknown[]>;

export function openPointReads(client: { sqlite: Database } | { mysql: Pool }): PointRead {
  if ("sqlite" in client) {
    const statement = client.sqlite.query<unknown, [string, Uint8Array]>(SQL);
    return async (profileId, digest) =>
      only(statement.values(profileId, Buffer.from(digest, "hex")) as unknown[][]);
  }
  return (profileId, digest) =>
    new Promise((resolve, reject) => {
      const values = [profileId, Buffer.from(digest, "hex")];
      client.mysql.execute({ sql: SQL, values, rowsAsArray: true }, (error, rows) => {
        if (error) reject(error);
        else resolve(only(rows as unknown as unknown[][]));
      });
    });
}

function only([row]: unknown[][]): unknown[] {
  if (!row) throw new Error("the row is not there");
  return row;
}

if (import.meta.main) {
  const address = Bun.argv[2]!;
  const read = address.startsWith("mysql:")
    ? openPointReads({ mysql: mysql.createPool({ uri: address, connectionLimit: POOL_SIZE }) })
    : openPointReads({ sqlite: new Database(address, { readonly: true }) });
  Bun.serve({
    hostname: "127.0.0.1",
    port: Number(Bun.env["PORT"]),
    async fetch(request) {
      if (request.method === "GET") return new Response("ready");
      const { image_hash: digest } = (await request.json()) as { image_hash: string };
      const row = await read(DEFAULT_PROFILE.id, digest);
      return Response.json({ category: row[4], description: row[6] });
    },
  });
}
