import { type Digest, isFingerprint } from "../../classification/identity.ts";
import { type Invalidation, VOID_MS } from "../../classification/invalidations.ts";
import { jitter } from "../../classification/keeping.ts";
import type { Outcome } from "../../classification/ports.ts";
import {
  type CacheMatch,
  PROVISIONAL_TTL_MS,
  type StoredResult,
} from "../../classification/result.ts";
import type { SharedTier } from "../../classification/shared-tier.ts";
import type { GuardedRedis } from "../../redis/open-redis.ts";
import { encodeAlias, encodeResult } from "./codec.ts";
import { createRedisKeys, type RedisKeyOptions } from "./keys.ts";
import { readEntries } from "./read-entries.ts";
import { readTogether } from "./read-together.ts";
import { ALIAS_TOMBSTONE, buryEntries, putEntries } from "./scripts.ts";

export interface RedisTierOptions {
  redis: GuardedRedis;
  keys: RedisKeyOptions;
  /** Milliseconds since the epoch. */
  clock: () => number;
  /** 0..1, spreads lifetimes. */
  random: () => number;
}

const RESULT_TTL_MS = 86_400_000;
/** Also how long a contradiction goes unseen that could not be announced. */
const ALIAS_TTL_MS = 600_000;
/** Processes hear of an invalidation one after the other, and the last may have begun a read before. */
const TOMBSTONE_TTL_MS = 2 * VOID_MS;
/** Copies being made; what comes above is left for the next reader to copy. */
const MAX_COPYING = 16;
/** Entries of one script, during which Redis serves nobody else. */
const ENTRIES_PER_SCRIPT = 250;

type Done = Outcome<void, "unavailable">;

/**
 * Results by digest and aliases that answer everyone, in Redis, for all processes of one profile. Single
 * callers' claims and fingerprints stay with the database.
 */
export function createRedisTier({
  redis,
  keys: options,
  clock,
  random,
}: RedisTierOptions): SharedTier {
  const keys = createRedisKeys(options);
  const read = readTogether((digests) =>
    redis.call((client) => readEntries(client, digests, keys, options.profileId)),
  );
  let copying = 0;

  function resultEntry(result: StoredResult): Entry {
    const maxMs = result.provisional ? PROVISIONAL_TTL_MS : jitter(RESULT_TTL_MS, random);
    const leftMs = result.expiresAt === null ? Infinity : result.expiresAt - clock();
    const ttlMs = Math.floor(Math.min(maxMs, leftMs));
    return { key: keys.result(result.digest), value: encodeResult(result), ttlMs };
  }

  function entriesOf({ hash, kind, result }: CacheMatch): Entry[] {
    const entries = [resultEntry(result)];
    if (kind === "shared_alias" && keys.alias) {
      const ttlMs = Math.floor(jitter(ALIAS_TTL_MS, random));
      entries.push({ key: keys.alias(hash), value: encodeAlias(result), ttlMs });
    }
    return entries;
  }

  async function put(entries: readonly Entry[]): Promise<Done> {
    return inParts(
      entries.filter(({ ttlMs }) => ttlMs > 0),
      (part) =>
        redis.call(async (client) => {
          const args = part.flatMap(({ value, ttlMs }) => [value, ttlMs]);
          await putEntries.run(
            client,
            part.map(({ key }) => key),
            args,
          );
        }),
    );
  }

  function bury(tombstones: readonly Tombstone[]): Promise<Done> {
    return inParts(tombstones, (part) =>
      redis.call(async (client) => {
        const args = [TOMBSTONE_TTL_MS, ...part.map(({ value }) => value)];
        await buryEntries.run(
          client,
          part.map(({ key }) => key),
          args,
        );
      }),
    );
  }

  function tombstoneOf({ kind, digest, before }: Invalidation): Tombstone[] {
    if (kind !== "alias_disputed") return [{ key: keys.result(digest), value: before }];
    return keys.alias ? [{ key: keys.alias(digest), value: ALIAS_TOMBSTONE }] : [];
  }

  return {
    async find(hashes) {
      const digests = hashes.filter((hash): hash is Digest => !isFingerprint(hash));
      if (digests.length === 0) return { ok: true, value: new Map() };
      return read(digests);
    },
    async remember(matches) {
      if (copying >= MAX_COPYING) return;
      copying++;
      try {
        await put(matches.flatMap(entriesOf));
      } finally {
        copying--;
      }
    },
    save: (result) => put([resultEntry(result)]),
    async invalidate(invalidations) {
      return (await bury(invalidations.flatMap(tombstoneOf))).ok;
    },
    isAvailable: () => redis.isAvailable(),
  };
}

interface Entry {
  key: string;
  value: string;
  ttlMs: number;
}

interface Tombstone {
  key: string;
  value: string | number;
}

/** Ends with the first part that Redis does not take. */
async function inParts<Item>(
  items: readonly Item[],
  write: (part: readonly Item[]) => Promise<Done>,
): Promise<Done> {
  for (let from = 0; from < items.length; from += ENTRIES_PER_SCRIPT) {
    const outcome = await write(items.slice(from, from + ENTRIES_PER_SCRIPT));
    if (!outcome.ok) return outcome;
  }
  return { ok: true, value: undefined };
}
