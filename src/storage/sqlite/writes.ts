import { and, type Column, eq, getTableColumns, gt, type SQL, sql } from "drizzle-orm";
import type { BunSQLiteDatabase } from "drizzle-orm/bun-sqlite";
import type { RequestRecord } from "../../classification/ports/recorder.ts";
import type { HitCount } from "../../classification/ports/result-store.ts";
import type { StoredResult } from "../../classification/result.ts";
import { requestRow } from "../batches.ts";
import { encodeDigest } from "../codecs.ts";
import { PURGED } from "../invalidation-rows.ts";
import { resultColumns } from "../tables.ts";
import * as tables from "./schema.ts";

const { invalidations, requestLog, results } = tables;

/** Takes the write lock at the start: a transaction that reads first could not wait for it later. */
export const WRITING = { behavior: "immediate" } as const;

const REPLACED = Object.fromEntries(
  Object.entries<Column>(resultColumns(tables)).map(([key, { name }]): [string, SQL] => [
    key,
    sql`excluded.${sql.identifier(name)}`,
  ]),
);

/** Writes that come with requests, many a second. */
export interface PreparedWrites {
  saveResults(results: readonly StoredResult[]): void;
  addHits(hits: readonly HitCount[]): void;
  appendRequests(requests: readonly RequestRecord[]): void;
}

/**
 * Prepared row by row: to SQLite a statement of many rows is no faster, and for Drizzle to build one
 * took longer than the requests that it logs. The tables must be there.
 */
export function prepareWrites(db: BunSQLiteDatabase): PreparedWrites {
  const isPurged = db
    .select({ before: invalidations.before })
    .from(invalidations)
    .where(
      and(
        eq(invalidations.kind, PURGED),
        eq(invalidations.digest, sql.placeholder("digest")),
        gt(invalidations.before, sql.placeholder("createdAt")),
      ),
    )
    .limit(1)
    .prepare();
  const saveResult = db
    .insert(results)
    .values(RESULT_SLOTS)
    .onConflictDoUpdate({
      target: [results.profileId, results.digest],
      set: REPLACED,
      // A conflict whose condition fails leaves the row as it is.
      setWhere: sql`not (excluded.provisional and not ${results.provisional})`,
    })
    .prepare();
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
    saveResults: (rows) =>
      inTransaction(() => {
        for (const { localInference, ...row } of rows) {
          const { digest, createdAt } = row;
          if (isPurged.get({ digest: encodeDigest(digest), createdAt })) continue;
          saveResult.run({
            ...row,
            localInference: localInference && JSON.stringify(localInference),
          });
        }
      }),
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

/** A placeholder for each column of a StoredResult, encoded by its column but for the one that may be null. */
const RESULT_SLOTS = {
  ...Object.fromEntries(
    Object.keys(resultColumns(tables)).map((name) => [name, sql.placeholder(name)]),
  ),
  localInference: sql`${sql.placeholder("localInference")}`,
} as unknown as typeof results.$inferInsert;

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
