import { type Placeholder, type SQL, sql } from "drizzle-orm";
import type { MatchKind } from "../classification/result.ts";
import { columnList, isUnexpired, resultColumns, type StoreTables } from "./tables.ts";

/** Best first: of several answers to one hash, the lowest rank wins. */
export const KINDS: readonly MatchKind[] = ["digest", "shared_alias", "own_alias", "fingerprint"];

// Sets of kinds are bit sets: bit n stands for the kind of rank n.
export const DIGEST = 0b0001;
export const SHARED_ALIAS = 0b0010;
export const OWN_ALIAS = 0b0100;
export const FINGERPRINT = 0b1000;

/** Stages of a lookup: sets of kinds, each asked with one statement for what the ones before left open. */
export const ALL_AT_ONCE: readonly number[] = [DIGEST | SHARED_ALIAS | OWN_ALIAS | FINGERPRINT];
/** For a single hash: the common and cheap question alone takes a database half the time of all of them. */
export const DIGESTS_FIRST: readonly number[] = [DIGEST | FINGERPRINT, SHARED_ALIAS | OWN_ALIAS];

/** Which statement a query needs; lists are padded to these sizes, so that few statements exist. */
export interface FindShape {
  kinds: readonly MatchKind[];
  digests: number;
  fingerprints: number;
}

export const MAX_HASHES = 100;

export function paddedSize(count: number): number {
  if (count <= 1) return 1;
  return count <= 10 ? 10 : MAX_HASHES;
}

const SLOT_NAMES = {
  digest: Array.from({ length: MAX_HASHES }, (_, slot) => `digest${slot}`),
  fingerprint: Array.from({ length: MAX_HASHES }, (_, slot) => `fingerprint${slot}`),
};

/** The placeholder of one place in a list. */
export function slotName(list: keyof typeof SLOT_NAMES, slot: number): string {
  return SLOT_NAMES[list][slot]!;
}

/**
 * Rows of (rank, asked, result columns): `asked` is the digest or alias that the row answers.
 * Placeholders: profile, now, caller, quorum, digest0…, fingerprint0….
 */
export function findStatement(tables: StoreTables, shape: FindShape, slot: FingerprintSlot): SQL {
  const digests = sql.join(slots("digest", shape.digests), sql`, `);
  const fingerprints = sql.join(slots("fingerprint", shape.fingerprints).map(slot), sql`, `);
  const parts = shape.kinds.map((kind) => PARTS[kind](tables, digests, fingerprints));
  return sql.join(parts, sql` union all `);
}

/** How a fingerprint's placeholder is written in the dialect. */
export type FingerprintSlot = (placeholder: Placeholder) => SQL;

function slots(list: "digest" | "fingerprint", count: number): Placeholder[] {
  return Array.from({ length: count }, (_, slot) => sql.placeholder(slotName(list, slot)));
}

const profile = sql.placeholder("profile");

const PARTS: Record<MatchKind, (tables: StoreTables, digests: SQL, fingerprints: SQL) => SQL> = {
  digest: (tables, digests) => {
    const { results } = tables;
    return sql`${selection(tables, "digest", results.digest)} from ${results}
      where ${results.profileId} = ${profile} and ${results.digest} in (${digests}) and ${fresh(tables)}`;
  },

  shared_alias: (tables, digests) => {
    const { results, aliases } = tables;
    return sql`${selection(tables, "shared_alias", aliases.alias)} from ${aliases} inner join ${results}
      on ${results.profileId} = ${aliases.profileId} and ${results.digest} = ${aliases.leaderDigest}
      where ${aliases.profileId} = ${profile} and ${aliases.alias} in (${digests})
      and ${aliases.supporters} >= ${sql.placeholder("quorum")} and ${fresh(tables)}`;
  },

  own_alias: (tables, digests) => {
    const { results, aliasClaims } = tables;
    return sql`${selection(tables, "own_alias", aliasClaims.alias)} from ${aliasClaims} inner join ${results}
      on ${results.profileId} = ${aliasClaims.profileId} and ${results.digest} = ${aliasClaims.digest}
      where ${aliasClaims.profileId} = ${profile} and ${aliasClaims.alias} in (${digests})
      and ${aliasClaims.caller} = ${sql.placeholder("caller")} and ${fresh(tables)}`;
  },

  // A second digest makes the fingerprint ambiguous in whatever profile, and even when it has expired.
  fingerprint: (tables, _digests, fingerprints) => {
    const { results } = tables;
    return sql`${selection(tables, "fingerprint", results.digest)} from ${results}
      where ${results.profileId} = ${profile} and ${results.fingerprint} in (${fingerprints})
      and not exists (select 1 from ${results} other where other.fingerprint = ${results.fingerprint}
      and other.digest <> ${results.digest}) and ${fresh(tables)}`;
  },
};

function selection(tables: StoreTables, kind: MatchKind, asked: unknown): SQL {
  const rank = sql.raw(String(KINDS.indexOf(kind)));
  return sql`select ${rank}, ${asked}, ${columnList(resultColumns(tables))}`;
}

function fresh(tables: StoreTables): SQL {
  return isUnexpired(tables, sql.placeholder("now"));
}
