import { LRUCache } from "lru-cache";
import type { CallerId } from "../classification/alias.ts";
import { type Digest, type ImageHash, isFingerprint } from "../classification/identity.ts";
import { VOID_MS } from "../classification/ports/invalidations.ts";
import { jitter } from "../classification/keeping.ts";
import type { MemoryTier } from "../classification/ports/memory-tier.ts";
import type { CacheMatch, MatchKind, StoredResult } from "../classification/result.ts";
import { createVoids } from "./voids.ts";

export interface MemoryTierOptions {
  /** Results and pointers to them together. */
  maxEntries: number;
  /** Estimated size of them all. */
  maxBytes: number;
  /** Milliseconds since the epoch. */
  clock?: () => number;
  /** 0..1, spreads expiry. */
  random?: () => number;
}

export interface SizedMemoryTier extends MemoryTier {
  sizes(): { entries: number; bytes: number };
}

const RESULT_TTL_MS = 3_600_000;
/** Another process may replace it any time. */
const PROVISIONAL_RESULT_TTL_MS = 60_000;
/** Until when an answer is believed; other processes may change what a pointer points to. */
const POINTER_TTL_MS: Record<Exclude<MatchKind, "digest">, number> = {
  own_alias: RESULT_TTL_MS,
  // A contradiction that another process saw.
  shared_alias: 60_000,
  // A second digest with the same fingerprint.
  fingerprint: 5_000,
};
const UNKNOWN_TTL_MS = 2_000;
/** How often a result counts as used: moving it to the front costs as much as finding it. */
const TOUCH_MS = 1_000;
const MAX_UNKNOWN = 50_000;
const MAX_VOIDS = 20_000;

/**
 * A result under its digest, or the digest that another hash stands for. A pointer is believed for the
 * very result that it was read with: a later one of the same photo may have followed a purge, which
 * took the claims away too.
 */
type Entry =
  | { staleAt: number; match: CacheMatch; touchedAt: number }
  | { staleAt: number; match: null; digest: Digest; createdAt: number };

/** Results in this process, the least recently used going first. */
export function createMemoryTier(options: MemoryTierOptions): SizedMemoryTier {
  const { maxEntries, maxBytes, clock = Date.now, random = Math.random } = options;
  const entries = new LRUCache<string, Entry>({ max: maxEntries, maxSize: maxBytes });
  /** By hash and caller: until when the hash counts as unknown. */
  const unknown = new LRUCache<string, number>({ max: Math.min(maxEntries, MAX_UNKNOWN) });

  const voidResults = createVoids({ max: MAX_VOIDS, keptMs: VOID_MS });
  const voidAliases = createVoids({ max: MAX_VOIDS, keptMs: VOID_MS });

  function getResult(digest: Digest, now: number): CacheMatch | null {
    const entry = entries.peek(digest);
    if (!entry?.match) return null;
    const { expiresAt } = entry.match.result;
    if (entry.staleAt > now && (expiresAt === null || expiresAt > now)) {
      if (entry.touchedAt + TOUCH_MS <= now) {
        entry.touchedAt = now;
        entries.get(digest);
      }
      return entry.match;
    }
    entries.delete(digest);
    return null;
  }

  function follow(key: string, hash: ImageHash, kind: MatchKind, now: number): CacheMatch | null {
    const entry = entries.get(key);
    if (!entry || entry.match) return null;
    const target = entry.staleAt > now ? getResult(entry.digest, now) : null;
    if (target?.result.createdAt === entry.createdAt) return { hash, kind, result: target.result };
    entries.delete(key);
    return null;
  }

  function get(hash: ImageHash, caller: CallerId): CacheMatch | null {
    const now = clock();
    if (isFingerprint(hash)) return follow(hash, hash, "fingerprint", now);
    return (
      getResult(hash as Digest, now) ??
      follow(sharedKey(hash), hash, "shared_alias", now) ??
      follow(ownKey(hash, caller), hash, "own_alias", now)
    );
  }

  function isVoid({ hash, kind, result }: CacheMatch, now: number): boolean {
    if (voidResults.covers(result.digest, result.createdAt, now)) return true;
    return kind === "shared_alias" && voidAliases.covers(hash, 0, now);
  }

  /** Returns what is in memory under its digest then. */
  function rememberResult(result: StoredResult, now: number): StoredResult {
    const { digest, fingerprint } = result;
    const lone = entries.peek(fingerprint);
    if (lone?.match === null && lone.digest !== digest) entries.delete(fingerprint);
    const known = getResult(digest, now);
    if (known && isOlder(result, known.result)) return known.result;
    const match: CacheMatch = { hash: digest, kind: "digest", result };
    const staleAt =
      now + jitter(result.provisional ? PROVISIONAL_RESULT_TTL_MS : RESULT_TTL_MS, random);
    entries.set(digest, { staleAt, match, touchedAt: 0 }, { size: sizeOfResult(result) });
    return result;
  }

  return {
    get,

    remember(match, caller) {
      const now = clock();
      if (isVoid(match, now)) return;
      const { hash, kind } = match;
      const { digest, createdAt } = rememberResult(match.result, now);
      unknown.delete(ownKey(hash, caller));
      if (kind === "digest") return;
      const key = kind === "shared_alias" ? sharedKey(hash) : ownKey(hash, caller);
      const staleAt = now + jitter(POINTER_TTL_MS[kind], random);
      const pointer: Entry = { staleAt, match: null, digest, createdAt };
      entries.set(kind === "fingerprint" ? hash : key, pointer, { size: POINTER_BYTES });
    },

    isUnknown(hash, caller) {
      const key = ownKey(hash, caller);
      const until = unknown.get(key);
      if (until === undefined) return false;
      const isBelieved = until > clock() && !voidResults.isNewer(hash, until - UNKNOWN_TTL_MS);
      if (isBelieved) return get(hash, caller) === null;
      unknown.delete(key);
      return false;
    },

    rememberUnknown(hash, caller) {
      unknown.set(ownKey(hash, caller), clock() + UNKNOWN_TTL_MS);
    },

    invalidate({ kind, digest, before }) {
      const now = clock();
      if (kind === "alias_disputed") {
        // A pointer does not say when it was read, so none is accepted for a while.
        voidAliases.add(digest, Infinity, now);
        entries.delete(sharedKey(digest));
        return;
      }
      voidResults.add(digest, before, now);
      const entry = entries.peek(digest);
      if (entry?.match && entry.match.result.createdAt < before) entries.delete(digest);
    },

    isVoid: (match) => isVoid(match, clock()),

    clear() {
      entries.clear();
      unknown.clear();
    },

    sizes: () => ({ entries: entries.size, bytes: entries.calculatedSize }),
  };
}

// Keys of the three kinds never meet: 64 or 16 hex characters alone, after `=`, or after `caller+`.
function sharedKey(alias: ImageHash): string {
  return `=${alias}`;
}

function ownKey(hash: ImageHash, caller: CallerId): string {
  return `${caller}+${hash}`;
}

/** A slow read must not bring back what has been replaced meanwhile. */
function isOlder(result: StoredResult, known: StoredResult): boolean {
  if (result.provisional !== known.provisional) return result.provisional;
  return result.createdAt < known.createdAt;
}

/** Two strings of up to 100 characters and the cache's own bookkeeping. */
const POINTER_BYTES = 400;
const RESULT_BASE_BYTES = 800;

/** Upper estimate: strings count two bytes a character, probabilities their key and a boxed number. */
function sizeOfResult(result: StoredResult): number {
  const { category, description, provider, model, localInference } = result;
  let characters = category.length + description.length + (provider?.length ?? 0) + model.length;
  let bytes = RESULT_BASE_BYTES;
  if (localInference) {
    for (const key in localInference.probabilities) {
      characters += key.length;
      bytes += 48;
    }
  }
  return bytes + 2 * characters;
}
