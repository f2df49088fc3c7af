import { sql } from "drizzle-orm";
import type { MySql2Database } from "drizzle-orm/mysql2";
import { heartbeat } from "./schema.ts";
import { NOW } from "./server-clock.ts";

/** What the heartbeat's row says. */
export interface Beat {
  /** Of the database; its replicas have the same. */
  identity: string;
  /** When the primary last renewed it, by the primary's clock, in milliseconds since the epoch. */
  beatAt: number;
}

const ROW_ID = 1;
/** Many processes beat; the row is written only when it is older than this. */
const BEAT_EVERY_MS = 500;

/** Renews the heartbeat on the primary and reads it. Rejects when the primary cannot be written to. */
export async function beat(primary: MySql2Database): Promise<Beat> {
  const { beatAt } = heartbeat;
  // The distance, not the difference: a new primary's clock may be behind the last beat.
  const isDue = sql`abs(values(${sql.identifier(beatAt.name)}) - ${beatAt}) >= ${BEAT_EVERY_MS}`;
  await primary
    .insert(heartbeat)
    .values({ id: ROW_ID, identity: crypto.randomUUID(), beatAt: NOW })
    .onDuplicateKeyUpdate({
      set: { beatAt: sql`if(${isDue}, values(${sql.identifier(beatAt.name)}), ${beatAt})` },
    });
  const row = await readBeat(primary);
  if (!row) throw new Error("the heartbeat is missing");
  return row;
}

/** null: no process has beaten yet. */
export async function readBeat(server: MySql2Database): Promise<Beat | null> {
  const { identity, beatAt } = heartbeat;
  const [row] = await server.select({ identity, beatAt }).from(heartbeat);
  return row ?? null;
}
