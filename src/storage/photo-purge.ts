import { and, type Column, eq, inArray, lt, or, type SQL, sql } from "drizzle-orm";
import type { Digest } from "../classification/identity.ts";
import type { Invalidation } from "../classification/ports/invalidations.ts";
import type { StoreTables } from "./tables.ts";

/** What a store finds out about a hash before it purges. */
export interface PurgeTarget {
  /** The hash itself, and what it stands for where it is an alias. */
  digests: Digest[];
  isAlias: boolean;
  /** When the youngest of their results was made; null: there are none. */
  newestAt: number | null;
}

/** By how much the clock of a process that made a result may be ahead. */
const MAX_CLOCK_SKEW_MS = 60_000;

/** Results made before this go, even those of a clock that is a little ahead. */
export function purgeTime({ newestAt }: PurgeTarget, now: number): number {
  return newestAt === null ? now : Math.max(now, Math.min(newestAt + 1, now + MAX_CLOCK_SKEW_MS));
}

export function announcePurge(
  hash: Digest,
  { digests, isAlias }: PurgeTarget,
  before: number,
): Invalidation[] {
  const purged = digests.map((digest): Invalidation => ({ kind: "purged", digest, before }));
  return isAlias ? [...purged, { kind: "alias_disputed", digest: hash, before }] : purged;
}

/**
 * Profiles that have results, one by one along the primary key: a `distinct` would read the whole
 * table, and an index on the digest alone would cost every save.
 */
export function nextProfile({ results }: StoreTables, after: string | null): SQL {
  const rest = after === null ? sql`` : sql`where ${results.profileId} > ${after}`;
  return sql`select min(${results.profileId}) from ${results} ${rest}`;
}

/** Which rows a purge is about. */
export interface PurgeConditions {
  /** Results that go. */
  oldResults: SQL | undefined;
  /** Claims that go. */
  claims: SQL | undefined;
  /** Aliases that lose their standing: led by one of the digests, or the hash itself. */
  aliases: SQL | undefined;
  /** Those of them that go, once the claims have: the hash itself, and what no claim names any more. */
  emptyAliases: SQL | undefined;
}

export function purgeConditions(
  { results, aliases, aliasClaims }: StoreTables,
  profiles: readonly string[],
  hash: Digest,
  { digests, before }: { digests: Digest[]; before: number },
): PurgeConditions {
  const isOwn = isOfAlias(aliases, profiles, hash);
  const isLed = inArray(aliases.leaderDigest, digests);
  const isUnclaimed = sql`not exists (select 1 from ${aliasClaims} where ${aliasClaims.profileId} = ${aliases.profileId}
      and ${aliasClaims.alias} = ${aliases.alias})`;
  return {
    oldResults: and(
      inArray(results.profileId, [...profiles]),
      inArray(results.digest, digests),
      lt(results.createdAt, before),
    ),
    claims: or(inArray(aliasClaims.digest, digests), isOfAlias(aliasClaims, profiles, hash)),
    aliases: or(isLed, isOwn),
    emptyAliases: or(and(isLed, isUnclaimed), isOwn),
  };
}

/** The rows of an alias, in any of the profiles. */
export function isOfAlias(
  columns: Record<"profileId" | "alias", Column>,
  profiles: readonly string[],
  alias: Digest,
): SQL | undefined {
  return and(inArray(columns.profileId, [...profiles]), eq(columns.alias, alias));
}

/**
 * Supporters of an alias whose leader is gone and that others still claim: too few for any quorum but
 * one, and not the sign of a standing that was never decided.
 */
export const ONE_SUPPORTER = 1;
