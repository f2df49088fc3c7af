import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Fingerprint, ImageHash } from "../../src/classification/identity.ts";
import type { CacheMatch, StoredResult } from "../../src/classification/result.ts";
import type { SharedTier } from "../../src/classification/ports/shared-tier.ts";
import { type GuardedRedis, openRedis } from "../../src/redis/open-redis.ts";
import type { RedisAddress } from "../../src/redis/open-transport.ts";
import type { RedisKeyOptions } from "../../src/storage/redis/keys.ts";
import { createRedisTier } from "../../src/storage/redis/redis-tier.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { newDigest, newResult } from "../support/results.ts";

const NOW = 1_800_000_100_000;
const DAY_MS = 86_400_000;

/** What holds of the tier over every transport. */
export function describeRedisTier(
  transport: string,
  reach: (server: TestRedis) => { address: RedisAddress; stop(): Promise<void> },
): void {
  describe(`the shared tier over ${transport}`, () => {
    let server: TestRedis;
    let reachable: ReturnType<typeof reach>;
    let redis: GuardedRedis;
    beforeAll(async () => {
      server = await startRedis();
      reachable = reach(server);
      const { address } = reachable;
      redis = await openRedis({ address, timeoutMs: 5_000, onStateChange: () => {} });
    });
    afterAll(async () => {
      await redis.close();
      await reachable.stop();
      await server.stop();
    });

    const openTier = (keys: Partial<RedisKeyOptions> = {}): SharedTier =>
      createRedisTier({
        redis,
        keys: { prefix: "test", profileId: newResult().profileId, quorum: 2, ...keys },
        clock: () => NOW,
        random: () => 0.5,
      });
    const raw = async <Value>(work: Parameters<typeof redis.call<Value>>[0]): Promise<Value> => {
      const outcome = await redis.call(work);
      if (!outcome.ok) throw new Error(outcome.detail);
      return outcome.value;
    };
    const keyOf = (hash: string) =>
      raw(async (r) => (await r.scan(0, { match: `*${hash}`, count: 10_000 }))[1][0]!);

    const ttlOf = async ({ digest }: StoredResult) => {
      const key = await keyOf(digest);
      return raw((r) => r.pttl(key));
    };

    test("a result that was saved is found by its digest, as it was", async () => {
      const tier = openTier();
      const results = [
        newResult({ description: 'Nudeln "süß" 面条 \n', confidence: 0.1 + 0.2 }),
        newResult({
          method: "local",
          provider: null,
          localInference: { model: "m", version: "1", probabilities: { foods: 0.25, pets: 0.75 } },
          provisional: true,
          expiresAt: NOW + 1_000,
          inputTokens: null,
        }),
      ];
      for (const result of results) expect(await tier.save(result)).toMatchObject({ ok: true });
      expect(await find(tier, ...results.map(({ digest }) => digest))).toEqual(
        results.map((result) => ({ hash: result.digest, kind: "digest", result })),
      );
    });

    test("a hundred hashes are answered, known and unknown, in one round trip", async () => {
      const tier = openTier();
      const results = Array.from({ length: 50 }, () => newResult());
      await tier.remember(results.map(matchOf));
      const hashes = results.flatMap(({ digest }) => [digest, newDigest()]);
      const before = await commandsOf(server);
      const found = await find(tier, ...hashes);
      const after = await commandsOf(server);
      expect(found).toEqual(results.flatMap((result) => [matchOf(result), undefined]));
      expect((after["mget"] ?? 0) - (before["mget"] ?? 0)).toBe(1);
    });

    test("an alias answers with its photo's result, and only where as many must agree", async () => {
      const tier = openTier();
      const result = newResult();
      const alias = newDigest();
      await tier.remember([{ hash: alias, kind: "shared_alias", result }]);
      const match: CacheMatch = { hash: alias, kind: "shared_alias", result };
      expect(await find(tier, alias, result.digest)).toEqual([match, matchOf(result)]);
      expect(await find(openTier({ quorum: 3 }), alias)).toEqual([undefined]);
      expect(await find(openTier({ quorum: null }), alias, result.digest)).toEqual([
        undefined,
        matchOf(result),
      ]);
    });

    test("a caller's own claim and a fingerprint are not kept, the result is", async () => {
      const tier = openTier();
      const result = newResult();
      const claimed = newDigest();
      await tier.remember([
        { hash: claimed, kind: "own_alias", result },
        { hash: result.fingerprint, kind: "fingerprint", result },
      ]);
      expect(await find(tier, claimed, result.fingerprint, result.digest)).toEqual([
        undefined,
        undefined,
        matchOf(result),
      ]);
      expect(await find(tier, "0123456789abcdef" as Fingerprint)).toEqual([undefined]);
    });

    test("profiles, prefixes and formats do not see each other's results", async () => {
      const result = newResult();
      await openTier().save(result);
      expect(await find(openTier({ profileId: "another" }), result.digest)).toEqual([undefined]);
      expect(await find(openTier({ prefix: "another" }), result.digest)).toEqual([undefined]);
      expect(await keyOf(result.digest)).toBe(`test:1:${result.profileId}:r:${result.digest}`);
    });

    test("a better or newer result takes the place, a worse or older one does not", async () => {
      const tier = openTier();
      const first = newResult({ createdAt: NOW - 100, provisional: true });
      const olderFinal = { ...first, provisional: false, createdAt: NOW - 200 };
      const newerProvisional = { ...first, createdAt: NOW };
      const newerFinal = { ...first, provisional: false, createdAt: NOW };
      const steps: [StoredResult, StoredResult][] = [
        [first, first],
        [olderFinal, olderFinal],
        [newerProvisional, olderFinal],
        [newerFinal, newerFinal],
        [olderFinal, newerFinal],
      ];
      for (const [written, wanted] of steps) {
        await tier.save(written);
        expect(await find(tier, first.digest)).toEqual([matchOf(wanted)]);
        await tier.remember([matchOf(written)]);
        expect(await find(tier, first.digest)).toEqual([matchOf(wanted)]);
      }
    });

    test("a purged result is gone, and no slow reader brings it back; one made later stays", async () => {
      const tier = openTier();
      const old = newResult({ createdAt: NOW - 1 });
      const purge = { kind: "purged", digest: old.digest, before: NOW } as const;
      for (const isKnown of [true, false]) {
        if (isKnown) await tier.save(old);
        expect(await tier.invalidate([purge])).toBe(true);
        await tier.remember([matchOf(old)]);
        await tier.save(old);
        expect(await find(tier, old.digest)).toEqual([undefined]);
      }
      // An earlier one that is heard of later must not open the door again.
      await tier.invalidate([{ ...purge, before: NOW - 10 }]);
      await tier.save(old);
      expect(await find(tier, old.digest)).toEqual([undefined]);

      const later = { ...old, createdAt: NOW };
      await tier.save(later);
      await tier.invalidate([purge]);
      expect(await find(tier, old.digest)).toEqual([matchOf(later)]);
    });

    test("a provisional result that was replaced gives way, the better one stays", async () => {
      const tier = openTier();
      const provisional = newResult({ provisional: true, createdAt: NOW - 5 });
      const final = { ...provisional, provisional: false, createdAt: NOW };
      const replaced = { kind: "replaced", digest: final.digest, before: NOW } as const;
      await tier.save(provisional);
      await tier.invalidate([replaced]);
      expect(await find(tier, final.digest)).toEqual([undefined]);
      await tier.save(final);
      await tier.invalidate([replaced]);
      expect(await find(tier, final.digest)).toEqual([matchOf(final)]);
    });

    test("a disputed alias answers nobody, and no slow reader brings it back", async () => {
      const tier = openTier();
      const result = newResult();
      const alias = newDigest();
      const match: CacheMatch = { hash: alias, kind: "shared_alias", result };
      await tier.remember([match]);
      await tier.invalidate([{ kind: "alias_disputed", digest: alias, before: NOW }]);
      await tier.remember([match]);
      expect(await find(tier, alias, result.digest)).toEqual([undefined, matchOf(result)]);
    });

    test("many invalidations go together", async () => {
      const tier = openTier();
      const results = Array.from({ length: 600 }, () => newResult());
      await tier.remember(results.map(matchOf));
      const purges = results.map(
        ({ digest }) => ({ kind: "purged", digest, before: NOW }) as const,
      );
      expect(await tier.invalidate(purges)).toBe(true);
      const found = await find(tier, ...results.map(({ digest }) => digest));
      expect(found.every((match) => match === undefined)).toBe(true);
    });

    test("an alias whose photo was purged answers nobody, not even when that is there again", async () => {
      const tier = openTier();
      const result = newResult({ createdAt: NOW - 1 });
      const alias = newDigest();
      await tier.remember([{ hash: alias, kind: "shared_alias", result }]);
      await tier.invalidate([{ kind: "purged", digest: result.digest, before: NOW }]);
      expect(await find(tier, alias)).toEqual([undefined]);
      await tier.save({ ...result, createdAt: NOW });
      expect(await find(tier, alias)).toEqual([undefined]);
    });

    test("entries live as long as their results, and a day at most", async () => {
      const tier = openTier();
      const lifetimes = {
        forGood: newResult(),
        anHour: newResult({ expiresAt: NOW + 3_600_000 }),
        provisional: newResult({ provisional: true }),
      };
      for (const result of Object.values(lifetimes)) await tier.save(result);
      expectAbout(await ttlOf(lifetimes.forGood), DAY_MS);
      expectAbout(await ttlOf(lifetimes.anHour), 3_600_000);
      expectAbout(await ttlOf(lifetimes.provisional), 3_600_000);
      const expired = newResult({ expiresAt: NOW });
      await tier.save(expired);
      expect(await find(tier, expired.digest)).toEqual([undefined]);
    });

    test("what is corrupt or foreign counts as absent, and is replaced", async () => {
      const tier = openTier();
      const result = newResult();
      await tier.save(result);
      const key = await keyOf(result.digest);
      const foreign = [
        (text: string) => raw((r) => r.set(key, text)),
        (text: string) => raw((r) => r.del(key)).then(() => raw((r) => r.lpush(key, text))),
      ];
      for (const text of ["", "nonsense", "[]", "{}", "[true", '[true,1,"x"]', "null", "0", "="]) {
        for (const write of foreign) {
          await write(text);
          expect(await find(tier, result.digest)).toEqual([undefined]);
          await tier.save(result);
          expect(await find(tier, result.digest)).toEqual([matchOf(result)]);
        }
      }
      expect(await tier.invalidate([{ kind: "purged", digest: result.digest, before: NOW }])).toBe(
        true,
      );
    });

    test("a purged result is gone from a Redis that is full, too", async () => {
      const tier = openTier();
      const result = newResult({ createdAt: NOW - 1 });
      await tier.save(result);
      await server.send("CONFIG", "SET", "maxmemory", "1");
      try {
        expect(await tier.save(newResult())).toMatchObject({ ok: false });
        const purge = { kind: "purged", digest: result.digest, before: NOW } as const;
        expect(await tier.invalidate([purge])).toBe(true);
        expect(await find(tier, result.digest)).toEqual([undefined]);
      } finally {
        await server.send("CONFIG", "SET", "maxmemory", "0");
      }
    });

    test("while Redis is down it says so at once, and loses nothing but copies", async () => {
      const { address } = reachable;
      const down = await openRedis({ address, timeoutMs: 50, onStateChange: () => {} });
      const tier = createRedisTier({
        redis: down,
        keys: { prefix: "test", profileId: "any", quorum: 2 },
        clock: () => NOW,
        random: () => 0.5,
      });
      server.freeze();
      const result = newResult();
      while (tier.isAvailable()) await tier.find([result.digest]);
      expect(await tier.find([result.digest])).toMatchObject({ ok: false });
      expect(await tier.save(result)).toMatchObject({ ok: false });
      await tier.remember([matchOf(result)]);
      expect(await tier.invalidate([{ kind: "purged", digest: result.digest, before: NOW }])).toBe(
        false,
      );
      server.thaw();
      await down.close();
    });
  });
}

const matchOf = (result: StoredResult): CacheMatch => ({
  hash: result.digest,
  kind: "digest",
  result,
});

/** What each hash found, in the order asked. */
async function find(tier: SharedTier, ...hashes: ImageHash[]): Promise<(CacheMatch | undefined)[]> {
  const outcome = await tier.find(hashes);
  if (!outcome.ok) throw new Error(outcome.detail);
  return hashes.map((hash) => outcome.value.get(hash));
}

function expectAbout(value: number, wanted: number): void {
  expect(value).toBeGreaterThan(wanted * 0.99);
  expect(value).toBeLessThanOrEqual(wanted);
}

/** Calls of each command so far, as the server counts them. */
async function commandsOf({ url }: TestRedis): Promise<Record<string, number>> {
  const client = new Bun.RedisClient(url);
  const text: string = await client.send("INFO", ["commandstats"]);
  client.close();
  const counts = [...text.matchAll(/cmdstat_(\w+):calls=(\d+)/g)];
  return Object.fromEntries(counts.map(([, name, calls]) => [name!, Number(calls)]));
}
