import { and, type Column, eq, getTableColumns, type SQL, sql } from "drizzle-orm";
import type { BunSQLiteDatabase } from "drizzle-orm/bun-sqlite";
import type { RequestRecord } from "../../classification/ports/recorder.ts";
import type { HitCount } from "../../classification/ports/result-store.ts";
import type { StoredResult } from "../../classification/result.ts";
import { requestRow } from "../batches.ts";
import { chunked } from "../chunked.ts";
import { encodeDigest } from "../codecs.ts";
import { purgedAmong, purgesSince } from "../invalidation-rows.ts";
import { resultColumns, ROWS_PER_STATEMENT } from "../tables.ts";
import * as tables from "./schema.ts";

const { invalidations, requestLog, results } = tables;

/** Takes the write lock at the start: a transaction that reads first could not wait for it later. */
export const WRITING = { behavior: "immediate" } as const;

export function saveResults(db: BunSQLiteDatabase, rows: readonly StoredResult[]): void {
  if (rows.length === 0) return;
  const target = [results.profileId, results.digest];
  // A conflict whose condition fails leaves the row as it is.
  const setWhere = sql`not (excluded.provisional and not ${results.provisional})`;
  db.transaction((tx) => {
    for (const batch of chunked(rows, ROWS_PER_STATEMENT)) {
      const purges = tx
        .select({ digest: invalidations.digest, before: invalidations.before })
        .from(invalidations)
        .where(purgesSince(invalidations, batch))
        .all();
      const purged = purgedAmong(batch, purges);
      const wanted = batch.filter((row) => !purged.includes(row));
      if (wanted.length === 0) continue;
      tx.insert(results)
        .values(wanted)
        .onConflictDoUpdate({ target, set: REPLACED, setWhere })
        .run();
    }
  }, WRITING);
}

const REPLACED = Object.fromEntries(
  Object.entries<Column>(resultColumns(tables)).map(([key, { name }]): [string, SQL] => [
    key,
    sql`excluded.${sql.identifier(name)}`,
  ]),
);

/** Writes what every request leaves behind. */
export interface RecordWrites {
  addHits(hits: readonly HitCount[]): void;
  appendRequests(requests: readonly RequestRecord[]): void;
}

/**
 * Prepared row by row: to SQLite a statement of many rows is no faster, and for Drizzle to build one
 * took longer than the requests that it logs. The tables must be there.
 */
export function prepareRecordWrites(db: BunSQLiteDatabase): RecordWrites {
  const addHit = db
    .update(results)
    .set({
      hits: sql`${results.hits} + ${sql.placeholder("count")}`,
      lastHitAt: sql`${sql.placeholder("lastHitAt")}`,
    })
    .where(
      and(
        eq(results.profileId, sql.placeholder("profileId")),
        eq(results.digest, sql.placeholder("digest")),
      ),
    )
    .prepare();
  const appendRequest = db.insert(requestLog).values(REQUEST_SLOTS).prepare();
  const inTransaction = (write: () => void) => db.transaction(write, WRITING);

  return {
    addHits: (hits) =>
      inTransaction(() => {
        for (const hit of hits) addHit.run({ ...hit, digest: encodeDigest(hit.digest) });
      }),
    appendRequests: (requests) =>
      inTransaction(() => {
        for (const request of requests) {
          const row = requestRow(request);
          appendRequest.run({
            ...row,
            digest: row.digest && encodeDigest(row.digest),
          });
        }
      }),
  };
}

/** A placeholder for each column but the one that SQLite numbers itself. */
const REQUEST_SLOTS = Object.fromEntries(
  Object.keys(getTableColumns(requestLog))
    .filter((name) => name !== "id")
    // Wrapped, or the column's own encoder would be given the nulls too.
    .map((name) => [name, sql`${sql.placeholder(name)}`]),
) as unknown as typeof requestLog.$inferInsert;

/** Rows that a statement changed; Drizzle types the driver's answer as void. */
export function affectedRows(answer: unknown): number {
  return (answer as { changes: number }).changes;
}
