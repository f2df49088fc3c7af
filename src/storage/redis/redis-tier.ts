import { type Digest, isFingerprint } from "../../classification/identity.ts";
import { VOID_MS } from "../../classification/ports/invalidations.ts";
import type { Outcome } from "../../classification/ports/outcome.ts";
import type { SharedTier } from "../../classification/ports/shared-tier.ts";
import type { GuardedRedis } from "../../redis/open-redis.ts";
import { chunked } from "../chunked.ts";
import { createEntries, type Entry, type EntryOptions, type Tombstone } from "./entries.ts";
import { createRedisKeys, type RedisKeyOptions } from "./keys.ts";
import { readEntries } from "./read-entries.ts";
import { readTogether } from "./read-together.ts";
import { buryEntries, putEntries } from "./scripts.ts";

export interface RedisTierOptions extends Omit<EntryOptions, "keys"> {
  redis: GuardedRedis;
  keys: RedisKeyOptions;
}

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
export function createRedisTier({ redis, ...options }: RedisTierOptions): SharedTier {
  const { profileId } = options.keys;
  const keys = createRedisKeys(options.keys);
  const entries = createEntries({ ...options, keys });
  const read = readTogether((digests) =>
    redis.call((client) => readEntries(client, digests, keys, profileId)),
  );
  let copying = 0;

  function put(all: readonly Entry[]): Promise<Done> {
    const lasting = all.filter(({ ttlMs }) => ttlMs > 0);
    return inParts(lasting, (part) =>
      redis.call(async (client) => {
        const args = part.flatMap(({ value, ttlMs }) => [value, ttlMs]);
        await putEntries.run(client, keysOf(part), args);
      }),
    );
  }

  function bury(tombstones: readonly Tombstone[]): Promise<Done> {
    return inParts(tombstones, (part) =>
      redis.call(async (client) => {
        const args = [TOMBSTONE_TTL_MS, ...part.map(({ value }) => value)];
        await buryEntries.run(client, keysOf(part), args);
      }),
    );
  }

  return {
    async find(hashes) {
      const digests = hashes.filter((hash): hash is Digest => !isFingerprint(hash));
      return digests.length === 0 ? { ok: true, value: new Map() } : read(digests);
    },
    async remember(matches) {
      if (copying >= MAX_COPYING) return;
      copying++;
      try {
        await put(matches.flatMap((match) => entries.ofMatch(match)));
      } finally {
        copying--;
      }
    },
    save: (result) => put([entries.ofResult(result)]),
    async invalidate(invalidations) {
      return (await bury(invalidations.flatMap((one) => entries.tombstonesOf(one)))).ok;
    },
    isAvailable: () => redis.isAvailable(),
  };
}

const keysOf = (items: readonly { key: string }[]) => items.map(({ key }) => key);

/** Ends with the first part that Redis does not take. */
async function inParts<Item>(
  items: readonly Item[],
  write: (part: readonly Item[]) => Promise<Done>,
): Promise<Done> {
  for (const part of chunked(items, ENTRIES_PER_SCRIPT)) {
    const outcome = await write(part);
    if (!outcome.ok) return outcome;
  }
  return { ok: true, value: undefined };
}
