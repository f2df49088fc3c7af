import { and, type Column, eq, or, type SQL, sql } from "drizzle-orm";
import type { ReadDialect } from "./reads.ts";
import { createRowReader } from "./row-reader.ts";
import { columnList, type StoreTables } from "./tables.ts";

/** Names one recorded claim. */
export interface ClaimKey {
  profileId: string;
  alias: string;
  caller: string;
}

/** A claim may be written shortly before the result that it points to, so young ones are left alone. */
const ORPHAN_AFTER_MS = 60_000;

/** Claims that one statement deletes by their keys. */
export const CLAIMS_PER_DELETE = 100;

/** Pages of claims that one sweep looks at. */
const MAX_PAGES = 20;

/**
 * Finds at most `limit` claims whose result is gone. A sweep looks at a bounded number of claims in
 * the order of their keys and the next one goes on from there, so that a purge costs the same
 * however many claims there are.
 */
export function createOrphanSweep(
  dialect: ReadDialect,
): (limit: number, now: number) => Promise<ClaimKey[]> {
  const key = keyColumns(dialect.tables);
  const readKey = createRowReader<ClaimKey>(key);
  let last: ClaimKey | null = null;

  async function sweepPage(size: number, now: number): Promise<ClaimKey[]> {
    const statement = pageStatement(dialect.tables, last, size, now);
    const rows = await dialect.prepare(statement)({});
    last = rows.length < size ? null : readKey(rows.at(-1)!, 0);
    return rows.filter((row) => Number(row[3]) === 1).map((row) => readKey(row, 0));
  }

  return async (limit, now) => {
    const orphans: ClaimKey[] = [];
    let isWhole = last === null;
    for (let page = 0; page < MAX_PAGES && orphans.length < limit; page++) {
      orphans.push(...(await sweepPage(limit - orphans.length, now)));
      if (last !== null) continue;
      // At the end: the sweep that began in the middle looks at the beginning too.
      if (isWhole) break;
      isWhole = true;
    }
    return orphans;
  };
}

/** Rows of (profile, alias, caller, whether the result is gone). */
function pageStatement(
  tables: StoreTables,
  after: ClaimKey | null,
  size: number,
  now: number,
): SQL {
  const { results, aliasClaims } = tables;
  const key = keyColumns(tables);
  return sql`select ${columnList(key)}, ${aliasClaims.claimedAt} < ${now - ORPHAN_AFTER_MS}
    and not exists (select 1 from ${results} where ${results.profileId} = ${aliasClaims.profileId}
    and ${results.digest} = ${aliasClaims.digest})
    from ${aliasClaims} ${after === null ? sql`` : sql`where ${isAfter(key, after)}`}
    order by ${columnList(key)} limit ${sql.raw(String(size))}`;
}

export function isClaimOf(tables: StoreTables, keys: readonly ClaimKey[]): SQL | undefined {
  const { profileId, alias, caller } = tables.aliasClaims;
  return or(
    ...keys.map((key) =>
      and(eq(profileId, key.profileId), eq(alias, key.alias), eq(caller, key.caller)),
    ),
  );
}

/** The aliases of these claims that no claim names any more: nobody vouches for them. */
export function isAbandoned(tables: StoreTables, keys: readonly ClaimKey[]): SQL | undefined {
  const { aliases, aliasClaims } = tables;
  return and(
    or(
      ...keys.map((key) => and(eq(aliases.profileId, key.profileId), eq(aliases.alias, key.alias))),
    ),
    sql`not exists (select 1 from ${aliasClaims} where ${aliasClaims.profileId} = ${aliases.profileId}
      and ${aliasClaims.alias} = ${aliases.alias})`,
  );
}

function keyColumns({ aliasClaims }: StoreTables): Record<keyof ClaimKey, Column> {
  const { profileId, alias, caller } = aliasClaims;
  return { profileId, alias, caller };
}

/** Written out, because MySQL does not use an index for a comparison of row values. */
function isAfter(column: Record<keyof ClaimKey, Column>, last: ClaimKey): SQL {
  const profileId = sql.param(last.profileId, column.profileId);
  const alias = sql.param(last.alias, column.alias);
  const caller = sql.param(last.caller, column.caller);
  return sql`(${column.profileId} > ${profileId} or (${column.profileId} = ${profileId}
    and (${column.alias} > ${alias} or (${column.alias} = ${alias} and ${column.caller} > ${caller}))))`;
}
