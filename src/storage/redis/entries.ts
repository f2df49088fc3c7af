import type { Invalidation } from "../../classification/ports/invalidations.ts";
import { jitter } from "../../classification/keeping.ts";
import {
  type CacheMatch,
  PROVISIONAL_TTL_MS,
  type StoredResult,
} from "../../classification/result.ts";
import { encodeAlias, encodeResult } from "./codec.ts";
import type { RedisKeys } from "./keys.ts";
import { ALIAS_TOMBSTONE } from "./scripts.ts";

export interface Entry {
  key: string;
  value: string;
  /** Whole milliseconds; under 1 for what has expired. */
  ttlMs: number;
}

export interface Tombstone {
  key: string;
  value: string | number;
}

/** What is written for results, matches and invalidations. */
export interface Entries {
  ofResult(result: StoredResult): Entry;
  /** The result, and the alias where that answers everyone. */
  ofMatch(match: CacheMatch): Entry[];
  /** None where aliases are not kept. */
  tombstonesOf(invalidation: Invalidation): Tombstone[];
}

export interface EntryOptions {
  keys: RedisKeys;
  /** Milliseconds since the epoch. */
  clock: () => number;
  /** 0..1, spreads lifetimes. */
  random: () => number;
}

const RESULT_TTL_MS = 86_400_000;
/** Also how long a contradiction goes unseen that could not be announced. */
const ALIAS_TTL_MS = 600_000;

export function createEntries({ keys, clock, random }: EntryOptions): Entries {
  function ofResult(result: StoredResult): Entry {
    const maxMs = result.provisional ? PROVISIONAL_TTL_MS : jitter(RESULT_TTL_MS, random);
    const leftMs = result.expiresAt === null ? Infinity : result.expiresAt - clock();
    const ttlMs = Math.floor(Math.min(maxMs, leftMs));
    return { key: keys.result(result.digest), value: encodeResult(result), ttlMs };
  }

  return {
    ofResult,
    ofMatch({ hash, kind, result }) {
      const entry = ofResult(result);
      if (kind !== "shared_alias" || !keys.alias) return [entry];
      const ttlMs = Math.floor(jitter(ALIAS_TTL_MS, random));
      return [entry, { key: keys.alias(hash), value: encodeAlias(result), ttlMs }];
    },
    tombstonesOf({ kind, digest, before }) {
      if (kind !== "alias_disputed") return [{ key: keys.result(digest), value: before }];
      return keys.alias ? [{ key: keys.alias(digest), value: ALIAS_TOMBSTONE }] : [];
    },
  };
}
