import type { Digest } from "../../src/classification/identity.ts";
import { DEFAULT_PROFILE } from "../../src/classification/profile.ts";
import type { StoredResult } from "../../src/classification/result.ts";
import type { SharedTier } from "../../src/classification/ports/shared-tier.ts";
import { openRedis } from "../../src/redis/open-redis.ts";
import { createRedisKeys, type RedisKeyOptions } from "../../src/storage/redis/keys.ts";
import { createRedisTier } from "../../src/storage/redis/redis-tier.ts";
import { checkCache } from "../../test/support/album.ts";
import { startRedis } from "../../test/support/redis.ts";
import { openRedisReads } from "../baselines/redis-read.ts";
import { writeHashes } from "../data/album.ts";
import { makeResult } from "../data/results.ts";
import { compare } from "../measure/interleave.ts";
import { compareOperations } from "../measure/operations.ts";
import { atLeast, type Part, type PartContext, type Row } from "../part.ts";
import { describePerformance } from "../report.ts";
import { startBaseline, startCacheServer } from "../servers/start-server.ts";

const RATIO = 0.6;
/** So many that a memory tier of one entry never has the right one. */
const KNOWN_PHOTOS = 5_000;
/** One after the other, and as many as a busy server has. */
const IN_FLIGHT = [1, 32];
const HTTP_CONNECTIONS = 32;
const PATH = "/api/v1/classify/check-cache";
/** As the product names its keys by default. */
const KEYS: RedisKeyOptions = { prefix: "onceover", profileId: DEFAULT_PROFILE.id, quorum: 2 };

export const measureRedis: Part = async (context) => {
  const server = await startRedis();
  const address = { transport: "tcp", url: server.url } as const;
  const redis = await openRedis({ address, timeoutMs: 5_000, onStateChange: () => {} });
  try {
    const tier = createRedisTier({ redis, keys: KEYS, clock: Date.now, random: Math.random });
    const results = Array.from({ length: KNOWN_PHOTOS }, (_, index) => makeResult(index));
    await tier.remember(results.map((result) => ({ hash: result.digest, kind: "digest", result })));
    return [
      ...(await measureFind(server.url, tier, results, context)),
      await measureHttp(server.url, results, context),
    ];
  } finally {
    await redis.close();
    await server.stop();
  }
};

/** The tier's `find`, as a lookup calls it. */
async function measureFind(
  url: string,
  tier: SharedTier,
  results: readonly StoredResult[],
  { effort }: PartContext,
): Promise<Row[]> {
  const rows: Row[] = [];
  const keys = createRedisKeys(KEYS);
  const { read, close } = openRedisReads(url);
  const digestOf = (index: number) => results[index % results.length]!.digest;
  for (const inFlight of IN_FLIGHT) {
    const { baseline, subject, throughputRatio, cpuRatio } = await compareOperations(
      (index) => read(keys.result(digestOf(index))),
      async (index) => {
        const outcome = await tier.find([digestOf(index)]);
        if (!outcome.ok || outcome.value.size !== 1) throw new Error("Redis did not find a result");
      },
      inFlight,
      effort,
    );
    rows.push({
      what: `Redis hit, ${inFlight} at a time`,
      baseline: `raw GETs on the same client ${describePerformance(baseline)}`,
      ours: describePerformance(subject),
      ratio: throughputRatio,
      cpuRatio,
      target: atLeast(RATIO, throughputRatio.median),
    });
  }
  close();
  return rows;
}

/** The same over HTTP: the product without a useful memory tier, and a bare server that reads raw. */
async function measureHttp(
  url: string,
  results: readonly StoredResult[],
  { effort, folder }: PartContext,
): Promise<Row> {
  const settings = { MEMORY_CACHE_ENTRIES: "1", REDIS_URL: url };
  await using server = await startCacheServer(folder, settings);
  const keyPrefix = createRedisKeys(KEYS).result("" as Digest);
  await using bare = await startBaseline("redis-read", url, keyPrefix);
  await expectHit(server.url, results[0]!);
  const args = [
    await writeHashes(
      folder,
      results.map(({ digest }) => digest),
    ),
  ];
  const load = { script: "check-cache" as const, args, connections: HTTP_CONNECTIONS };
  const { baseline, subject, throughputRatio, cpuRatio } = await compare(
    { pids: [bare.pid], load: { ...load, url: `${bare.url}${PATH}` } },
    { pids: [server.pid], load: { ...load, url: `${server.url}${PATH}` } },
    effort,
  );
  return {
    what: "check-cache hit from Redis, over HTTP",
    baseline: `bare Bun.serve with raw GET ${describePerformance(baseline)}`,
    ours: describePerformance(subject),
    ratio: throughputRatio,
    cpuRatio,
  };
}

/** A miss is answered as fast, and must not be measured. */
async function expectHit(url: string, { digest }: StoredResult): Promise<void> {
  const { cacheStatus } = await checkCache(url, digest);
  if (!cacheStatus?.endsWith("detail=redis")) throw new Error(`not from Redis, but ${cacheStatus}`);
}
