import { and, type Column, eq, inArray, type SQL, sql } from "drizzle-orm";
import type { BunSQLiteDatabase } from "drizzle-orm/bun-sqlite";
import type { HitCount, RequestRecord } from "../../classification/ports.ts";
import type { StoredResult } from "../../classification/result.ts";
import { hitBatches, requestRow } from "../batches.ts";
import { chunked, resultColumns, ROWS_PER_STATEMENT } from "../tables.ts";
import * as tables from "./schema.ts";

const { requestLog, results } = tables;

/** Takes the write lock at the start: a transaction that reads first could not wait for it later. */
export const WRITING = { behavior: "immediate" } as const;

export function saveResults(db: BunSQLiteDatabase, rows: readonly StoredResult[]): void {
  if (rows.length === 0) return;
  const target = [results.profileId, results.digest];
  // A conflict whose condition fails leaves the row as it is.
  const setWhere = sql`not (excluded.provisional and not ${results.provisional})`;
  db.transaction((tx) => {
    for (const batch of chunked(rows, ROWS_PER_STATEMENT))
      tx.insert(results)
        .values(batch)
        .onConflictDoUpdate({ target, set: REPLACED, setWhere })
        .run();
  }, WRITING);
}

const REPLACED = Object.fromEntries(
  Object.entries<Column>(resultColumns(tables)).map(([key, { name }]): [string, SQL] => [
    key,
    sql`excluded.${sql.identifier(name)}`,
  ]),
);

export function addHits(db: BunSQLiteDatabase, hits: readonly HitCount[]): void {
  db.transaction((tx) => {
    for (const { profileId, digests, ...set } of hitBatches(hits, results))
      tx.update(results)
        .set(set)
        .where(and(eq(results.profileId, profileId), inArray(results.digest, digests)))
        .run();
  }, WRITING);
}

export function appendRequests(db: BunSQLiteDatabase, requests: readonly RequestRecord[]): void {
  db.transaction((tx) => {
    for (const batch of chunked(requests, ROWS_PER_STATEMENT))
      tx.insert(requestLog).values(batch.map(requestRow)).run();
  }, WRITING);
}

/** Rows that a statement changed; Drizzle types the driver's answer as void. */
export function affectedRows(answer: unknown): number {
  return (answer as { changes: number }).changes;
}
