import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { CallerId } from "../../src/classification/alias.ts";
import type { PictureHash } from "../../src/classification/picture-hash.ts";
import type { StoredResult } from "../../src/classification/result.ts";
import type { SharedTier } from "../../src/classification/ports/shared-tier.ts";
import { type GuardedRedis, openRedis } from "../../src/redis/open-redis.ts";
import { createRedisTier } from "../../src/storage/redis/redis-tier.ts";
import {
  ALIASES,
  callerOf,
  newDigest,
  newResult,
  openDatabase,
  openDomain,
  photo,
  START,
} from "../support/domain.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { waitFor } from "../support/wait-for.ts";

const ann = callerOf("ann");
const ben = callerOf("ben");
const eve = callerOf("eve");

let server: TestRedis;
let redis: GuardedRedis;
beforeAll(async () => {
  server = await startRedis();
  const address = { transport: "tcp", url: server.url } as const;
  redis = await openRedis({ address, timeoutMs: 5_000, onStateChange: () => {} });
});
afterAll(async () => {
  await redis.close();
  await server.stop();
});

function openTier(quorum: number | null = ALIASES.quorum): SharedTier {
  const { profileId } = newResult();
  const keys = { prefix: crypto.randomUUID(), profileId, quorum };
  return createRedisTier({ redis, keys, clock: () => START, random: () => 0.5 });
}

/** One database for several domains; to be opened before them. */
async function openSharedDatabase() {
  const database = await openDatabase();
  return { database, [Symbol.asyncDispose]: () => database.close() };
}

/** Copies are made behind the answer's back. */
const untilShared = (tier: SharedTier, hash: Parameters<SharedTier["find"]>[0][number]) =>
  waitFor("the shared tier knows it", async () => {
    const outcome = await tier.find([hash]);
    return outcome.ok && outcome.value.get(hash);
  });

describe("with a shared tier", () => {
  test("what one process found in the database, the next finds in Redis, and then in memory", async () => {
    const sharedTier = openTier();
    await using shared = await openSharedDatabase();
    const { database } = shared;
    const result = newResult();
    await database.saveResults([result]);
    await using first = await openDomain({ sharedTier, database });
    await using second = await openDomain({ sharedTier, database });
    expect(await first.ask(result.digest, ann)).toMatchObject({ tier: "sql" });
    await untilShared(sharedTier, result.digest);
    second.outage.isDown = true;
    const match = { hash: result.digest, kind: "digest", result } as const;
    expect(await second.ask(result.digest, ben)).toEqual({ match, tier: "redis", complete: true });
    expect(await second.ask(result.digest, ben)).toMatchObject({ tier: "memory" });
    expect(second.notes.of("lookup redis")).toBe(1);
  });

  test("a batch is answered by every tier in its order, each asked once", async () => {
    const sharedTier = openTier();
    const asked: number[] = [];
    const counting: SharedTier = {
      ...sharedTier,
      find(hashes) {
        asked.push(hashes.length);
        return sharedTier.find(hashes);
      },
    };
    await using domain = await openDomain({ sharedTier: counting });
    const [remembered, shared, stored] = [newResult(), newResult(), newResult()];
    await domain.store.saveResults([remembered, stored]);
    await domain.ask(remembered.digest, ann);
    await sharedTier.save(shared);
    asked.length = 0;
    const unknown = newDigest();
    const hashes = [unknown, stored.digest, shared.digest, remembered.digest, stored.digest];
    const answers = await domain.lookup.findMany(hashes, ann);
    expect(answers.map(({ tier }) => tier)).toEqual([null, "sql", "redis", "memory", "sql"]);
    expect(asked).toEqual([3]);
  });

  test("what Redis does not know is an incomplete miss while the database is down", async () => {
    const sharedTier = openTier();
    await using domain = await openDomain({ sharedTier });
    const shared = newResult();
    await sharedTier.save(shared);
    domain.outage.isDown = true;
    const answers = await domain.lookup.findMany([shared.digest, newDigest()], ann);
    expect(answers.map(({ tier, complete }) => ({ tier, complete }))).toEqual([
      { tier: "redis", complete: true },
      { tier: null, complete: false },
    ]);
  });

  test("an alias that the database confirmed answers from Redis; a caller's claim does not", async () => {
    const sharedTier = openTier();
    await using shared = await openSharedDatabase();
    const { database } = shared;
    await using domain = await openDomain({ sharedTier, database });
    const result = newResult();
    await database.saveResults([result]);
    const { profileId, digest, pictureHash } = result;
    const [alias, claimed] = [newDigest(), newDigest()];
    const claim = { profileId, digest, pictureHash, claimedAt: START };
    await domain.sink.recordClaim({ ...claim, alias, caller: ann });
    await domain.sink.recordClaim({ ...claim, alias, caller: ben });
    await domain.sink.recordClaim({ ...claim, alias: claimed, caller: ann });
    expect((await domain.ask(claimed, ann)).match?.kind).toBe("own_alias");
    expect((await domain.ask(alias, eve)).match?.kind).toBe("shared_alias");
    await untilShared(sharedTier, alias);
    await using other = await openDomain({ sharedTier, database });
    expect(await other.ask(alias, eve)).toMatchObject({
      tier: "redis",
      match: { kind: "shared_alias", result },
    });
    expect(await other.ask(claimed, eve)).toMatchObject({ tier: null });
    expect(await other.ask(claimed, ann)).toMatchObject({ tier: "sql" });
  });

  test("a contradicted alias is gone from Redis when the claim is answered", async () => {
    const sharedTier = openTier();
    await using domain = await openDomain({ sharedTier });
    const result = newResult();
    const unlike = newResult({ pictureHash: "ffffffffffffffff" as PictureHash });
    await domain.store.saveResults([result, unlike]);
    const alias = newDigest();
    const claim = ({ profileId, digest, pictureHash }: StoredResult, caller: CallerId) =>
      domain.sink.recordClaim({ profileId, alias, caller, digest, pictureHash, claimedAt: START });
    await claim(result, ann);
    await claim(result, ben);
    await domain.ask(alias, eve);
    await untilShared(sharedTier, alias);
    const verdict = await claim(unlike, eve);
    expect(verdict).toBe("contradicts");
    expect(await sharedTier.find([alias])).toEqual({ ok: true, value: new Map() });
  });

  test("an upload whose digest is somebody's alias is still found in the database", async () => {
    const sharedTier = openTier();
    await using domain = await openDomain({ sharedTier });
    const [photo, other] = [newResult(), newResult()];
    await domain.store.saveResults([photo]);
    await sharedTier.remember([{ hash: photo.digest, kind: "shared_alias", result: other }]);
    expect(await domain.lookup.findStored(photo.digest)).toEqual({ tier: "sql", result: photo });
    expect(await domain.lookup.findMade(photo.digest)).toMatchObject({ result: photo });
  });

  test("a new result is in Redis when its upload is answered, and saves the next process the call", async () => {
    const sharedTier = openTier();
    await using first = await openDomain({ sharedTier });
    await using second = await openDomain({ sharedTier });
    const bytes = photo(3);
    const { digest, source } = await first.upload(bytes, ann);
    expect(source).toBe("model");
    second.outage.isDown = true;
    expect(await second.upload(bytes, ben)).toMatchObject({ digest, source: "redis" });
    expect(second.notes.of("paid")).toBe(0);
  });

  test("a result that this mode does not serve is looked for in the database", async () => {
    const sharedTier = openTier();
    await using domain = await openDomain({ sharedTier, keeping: { localResults: "unwanted" } });
    const localInference = { model: "tiny", version: "1", probabilities: {} };
    const local = newResult({ localInference, method: "local" });
    await sharedTier.save(local);
    const final = { ...local, localInference: null, method: "llm" } as const;
    await domain.store.saveResults([final]);
    expect(await domain.ask(local.digest, ann)).toMatchObject({
      tier: "sql",
      match: { result: { method: "llm" } },
    });
  });
});
