import { type SQL, sql } from "drizzle-orm";
import type { PictureHash } from "../classification/picture-hash.ts";
import type { ClaimedResult } from "../classification/ports/result-store.ts";
import type { StoredResult } from "../classification/result.ts";
import type { RowReader } from "./row-reader.ts";
import { columnList, isUnexpired, resultColumns, type StoreTables } from "./tables.ts";

const profile = sql.placeholder("profile");
const alias = sql.placeholder("alias");
const now = sql.placeholder("now");

/**
 * Rows of (rank, time, picture hash, result columns), the leader's first, then claims from the
 * newest. Without a limit: an alias keeps a bounded number of claims.
 */
export function claimedStatement(tables: StoreTables): SQL {
  const { results, aliases, aliasClaims } = tables;
  const columns = columnList(resultColumns(tables));
  return sql`select 0 as rank_order, 0 as claim_time, ${aliases.leaderPictureHash} as claimed_hash, ${columns}
    from ${aliases} inner join ${results}
    on ${results.profileId} = ${aliases.profileId} and ${results.digest} = ${aliases.leaderDigest}
    where ${aliases.profileId} = ${profile} and ${aliases.alias} = ${alias} and ${isUnexpired(tables, now)}
    union all
    select 1, ${aliasClaims.claimedAt}, ${aliasClaims.pictureHash}, ${columns}
    from ${aliasClaims} inner join ${results}
    on ${results.profileId} = ${aliasClaims.profileId} and ${results.digest} = ${aliasClaims.digest}
    where ${aliasClaims.profileId} = ${profile} and ${aliasClaims.alias} = ${alias} and ${isUnexpired(tables, now)}
    order by rank_order, claim_time desc`;
}

/** Leaves out what an earlier row says already: callers often agree to the bit. */
export function collectClaimed(
  rows: unknown[][],
  tables: StoreTables,
  readResult: RowReader<StoredResult>,
  limit: number,
): ClaimedResult[] {
  const seen = new Set<string>();
  const claimed: ClaimedResult[] = [];
  for (const row of rows) {
    if (claimed.length >= limit) break;
    const pictureHash = tables.results.pictureHash.mapFromDriverValue(row[2]) as PictureHash;
    const result = readResult(row, 3);
    const key = pictureHash + result.digest;
    if (seen.has(key)) continue;
    seen.add(key);
    claimed.push({ pictureHash, result });
  }
  return claimed;
}

/** Result columns. The limit is part of the text: MySQL 8 refuses mysql2's number parameters there. */
export function hottestStatement(tables: StoreTables, limit: number): SQL {
  const { results } = tables;
  return sql`select ${columnList(resultColumns(tables))} from ${results}
    where ${results.profileId} = ${profile} and ${isUnexpired(tables, now)}
    order by ${results.hits} desc limit ${sql.raw(String(Math.max(0, Math.trunc(limit))))}`;
}
