import { lt, lte } from "drizzle-orm";
import type { MySql2Database } from "drizzle-orm/mysql2";
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
import { retryDeadlock } from "./retry-deadlock.ts";
import * as tables from "./schema.ts";

const { aliasClaims, aliases, requestLog, results } = tables;

export function createMysqlPurge(
  db: MySql2Database,
  dialect: ReadDialect,
): (query: PurgeQuery) => Promise<PurgeCount> {
  const sweep = createOrphanSweep(dialect);
  return async ({ now, requestsBefore, limit }) => {
    const expired = await retryDeadlock(() =>
      db.delete(results).where(lte(results.expiresAt, now)).orderBy(results.expiresAt).limit(limit),
    );
    const claims = await deleteClaims(db, await sweep(limit, now));
    const requests = await db
      .delete(requestLog)
      .where(lt(requestLog.at, requestsBefore))
      .orderBy(requestLog.at)
      .limit(limit);
    return { results: expired[0].affectedRows, claims, requests: requests[0].affectedRows };
  };
}

async function deleteClaims(db: MySql2Database, orphans: readonly ClaimKey[]): Promise<number> {
  let deleted = 0;
  for (const keys of chunked(orphans, CLAIMS_PER_DELETE)) {
    const [answer] = await retryDeadlock(() =>
      db.delete(aliasClaims).where(isClaimOf(tables, keys)),
    );
    deleted += answer.affectedRows;
    await retryDeadlock(() => db.delete(aliases).where(isAbandoned(tables, keys)));
  }
  return deleted;
}
