import { and, type Column, eq, inArray, lte, type SQL, sql } from "drizzle-orm";
import type { MySql2Database } from "drizzle-orm/mysql2";
import type { RequestRecord } from "../../classification/ports/recorder.ts";
import type { HitCount } from "../../classification/ports/result-store.ts";
import type { StoredResult } from "../../classification/result.ts";
import { hitBatches, requestRow } from "../batches.ts";
import { chunked } from "../chunked.ts";
import { purgedAmong, purgesSince } from "../invalidation-rows.ts";
import { resultColumns, ROWS_PER_STATEMENT } from "../tables.ts";
import { retryDeadlock } from "./retry-deadlock.ts";
import * as tables from "./schema.ts";

const { invalidations, requestLog, results } = tables;

export async function saveResults(
  db: MySql2Database,
  rows: readonly StoredResult[],
): Promise<void> {
  for (const batch of chunked(rows, ROWS_PER_STATEMENT)) {
    const purged = await findPurged(db, batch);
    const wanted = batch.filter((row) => !purged.includes(row));
    if (wanted.length === 0) continue;
    await retryDeadlock(() =>
      db.insert(results).values(wanted).onDuplicateKeyUpdate({ set: REPLACED }),
    );
    // A purge that committed between that look and the insert; one that commits later looks again.
    for (const { profileId, digest, createdAt } of await findPurged(db, wanted))
      await retryDeadlock(() =>
        db
          .delete(results)
          .where(
            and(
              eq(results.profileId, profileId),
              eq(results.digest, digest),
              lte(results.createdAt, createdAt),
            ),
          ),
      );
  }
}

async function findPurged(db: MySql2Database, rows: StoredResult[]): Promise<StoredResult[]> {
  const { digest, before } = invalidations;
  const purges = await db
    .select({ digest, before })
    .from(invalidations)
    .where(purgesSince(invalidations, rows));
  return purgedAmong(rows, purges);
}

/**
 * A provisional row never replaces one that is not. MySQL assigns column by column and later
 * expressions see earlier assignments; this condition stays the same when `provisional` changes,
 * because that column only ever goes from true to false.
 */
const REPLACED = Object.fromEntries(
  Object.entries<Column>(resultColumns(tables)).map(([key, column]): [string, SQL] => {
    const offered = sql`values(${sql.identifier(column.name)})`;
    const isKept = sql`values(${sql.identifier("provisional")}) and not ${results.provisional}`;
    return [key, sql`if(${isKept}, ${column}, ${offered})`];
  }),
);

export async function addHits(db: MySql2Database, hits: readonly HitCount[]): Promise<void> {
  for (const { profileId, digests, ...set } of hitBatches(hits, results))
    await retryDeadlock(() =>
      db
        .update(results)
        .set(set)
        .where(and(eq(results.profileId, profileId), inArray(results.digest, digests))),
    );
}

export async function appendRequests(
  db: MySql2Database,
  requests: readonly RequestRecord[],
): Promise<void> {
  for (const batch of chunked(requests, ROWS_PER_STATEMENT))
    await db.insert(requestLog).values(batch.map(requestRow));
}
