import { inArray, lt, lte, sql } from "drizzle-orm";
import type { BunSQLiteDatabase } from "drizzle-orm/bun-sqlite";
import type { PurgeCount, PurgeQuery } from "../../classification/ports/result-store.ts";
import { chunked } from "../chunked.ts";
import {
  CLAIMS_PER_DELETE,
  type ClaimKey,
  createOrphanSweep,
  isAbandoned,
  isClaimOf,
} from "../orphan-claims.ts";
import type { ReadDialect } from "../reads.ts";
import * as tables from "./schema.ts";
import { affectedRows, WRITING } from "./writes.ts";

const { aliasClaims, aliases, requestLog, results } = tables;
const ROWID = sql<number>`rowid`;

export function createSqlitePurge(
  db: BunSQLiteDatabase,
  dialect: ReadDialect,
): (query: PurgeQuery) => Promise<PurgeCount> {
  const sweep = createOrphanSweep(dialect);
  return async ({ now, requestsBefore, limit }) => {
    const purgedResults = deleteExpired(db, now, limit);
    const orphans = await sweep(limit, now);
    return {
      results: purgedResults,
      claims: deleteClaims(db, orphans),
      requests: deleteRequests(db, requestsBefore, limit),
    };
  };
}

// SQLite as Bun builds it has no `delete … limit`; a subquery bounds the batch.

function deleteExpired(db: BunSQLiteDatabase, now: number, limit: number): number {
  const expired = db
    .select({ rowid: ROWID })
    .from(results)
    .where(lte(results.expiresAt, now))
    .orderBy(results.expiresAt)
    .limit(limit);
  return affectedRows(db.delete(results).where(inArray(ROWID, expired)).run());
}

function deleteRequests(db: BunSQLiteDatabase, before: number, limit: number): number {
  const old = db
    .select({ id: requestLog.id })
    .from(requestLog)
    .where(lt(requestLog.at, before))
    .orderBy(requestLog.at)
    .limit(limit);
  return affectedRows(db.delete(requestLog).where(inArray(requestLog.id, old)).run());
}

function deleteClaims(db: BunSQLiteDatabase, orphans: readonly ClaimKey[]): number {
  if (orphans.length === 0) return 0;
  return db.transaction((tx) => {
    let deleted = 0;
    for (const keys of chunked(orphans, CLAIMS_PER_DELETE)) {
      deleted += affectedRows(tx.delete(aliasClaims).where(isClaimOf(tables, keys)).run());
      tx.delete(aliases).where(isAbandoned(tables, keys)).run();
    }
    return deleted;
  }, WRITING);
}
