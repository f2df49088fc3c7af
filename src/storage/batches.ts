import { type Column, type SQL, sql } from "drizzle-orm";
import type { Digest } from "../classification/identity.ts";
import type { RequestRecord } from "../classification/ports/recorder.ts";
import type { HitCount } from "../classification/ports/result-store.ts";
import { chunked } from "./chunked.ts";
import { clip } from "./codecs.ts";
import { ROWS_PER_STATEMENT } from "./tables.ts";

/** Hits of one profile, as one update adds them. */
export interface HitBatch {
  profileId: string;
  digests: Digest[];
  hits: SQL;
  lastHitAt: SQL;
}

/** Batches in the order of their keys, so that two writers lock rows in the same order. */
export function* hitBatches(
  counts: readonly HitCount[],
  columns: Record<"digest" | "hits", Column>,
): Generator<HitBatch> {
  const byProfile = Map.groupBy(mergeHits(counts), ({ profileId }) => profileId);
  for (const [profileId, all] of byProfile) {
    for (const batch of chunked(all, ROWS_PER_STATEMENT)) {
      yield {
        profileId,
        digests: batch.map(({ digest }) => digest),
        hits: sql`${columns.hits} + ${byDigest(batch, columns.digest, "count")}`,
        lastHitAt: byDigest(batch, columns.digest, "lastHitAt"),
      };
    }
  }
}

/** What a request log's columns hold; longer texts of clients are cut, not refused. */
export function requestRow(record: RequestRecord): RequestRecord {
  return {
    ...record,
    requestId: clip(record.requestId, 128) ?? "",
    userId: clip(record.userId, 128),
    ip: clip(record.ip, 64),
    category: clip(record.category, 255),
    provider: clip(record.provider, 255),
    model: clip(record.model, 255),
  };
}

function mergeHits(counts: readonly HitCount[]): HitCount[] {
  const merged = new Map<string, HitCount>();
  for (const hit of counts) {
    const key = `${hit.profileId} ${hit.digest}`;
    const known = merged.get(key);
    merged.set(key, {
      ...hit,
      count: hit.count + (known?.count ?? 0),
      lastHitAt: Math.max(hit.lastHitAt, known?.lastHitAt ?? 0),
    });
  }
  return [...merged.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, hit]) => hit);
}

function byDigest(batch: HitCount[], digest: Column, field: "count" | "lastHitAt"): SQL {
  const cases = batch.map((hit) => sql`when ${sql.param(hit.digest, digest)} then ${hit[field]}`);
  return sql`case ${digest} ${sql.join(cases, sql` `)} end`;
}
