import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { checkCache, createAlbum, readHealth, sha256, upload } from "../support/album.ts";
import { startFakeProvider, type FakeProvider } from "../support/fake-provider.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import {
  createDataDir,
  type ServerProcess,
  type Settings,
  startServer,
} from "../support/server-process.ts";
import { startUpstashBridge, UPSTASH_TOKEN } from "../support/upstash-bridge.ts";
import { waitFor } from "../support/wait-for.ts";

/** A few Redis deadlines, on a machine that does other things as well. */
const MAX_LATENCY_MS = 3_000;
const PHOTOS = 10;
const ASKERS = 4;
const newPhoto = await createAlbum();

let provider: FakeProvider;
beforeAll(() => {
  provider = startFakeProvider({ keepRequests: 0 });
});
afterAll(() => provider.stop());

/** With room for one result in memory, so that nearly every question goes to the tiers behind it. */
const withoutMemory = (): Settings => ({
  LLM_BASE_URL: provider.baseUrl,
  LOCAL_MODEL: "none",
  MEMORY_CACHE_ENTRIES: "1",
});

interface Load {
  /** Answers so far, of either kind. */
  readonly hits: string[];
  readonly uploads: number;
  /** Ends it; resolves to what was answered otherwise than wanted, and the longest wait. */
  finish(): Promise<{ surprises: unknown[]; maxLatencyMs: number }>;
}

/** Asks about known photos and uploads new ones, without a pause. */
function startLoad(url: string, known: readonly string[]): Load {
  const hits: string[] = [];
  const surprises: unknown[] = [];
  let uploads = 0;
  let maxLatencyMs = 0;
  const over = new AbortController();

  async function repeat(request: (turn: number) => Promise<{ status: number; answer: object }>) {
    for (let turn = 0; !over.signal.aborted; turn++) {
      const startedAt = performance.now();
      const { status, answer } = await request(turn);
      maxLatencyMs = Math.max(maxLatencyMs, performance.now() - startedAt);
      const isMiss = "cached" in answer && answer.cached === false;
      if (status !== 200 || isMiss) surprises.push({ status, answer });
    }
  }
  async function ask(turn: number) {
    const response = await checkCache(url, known[turn % known.length]!);
    hits.push(response.cacheStatus ?? "");
    return response;
  }
  async function uploadNew() {
    const response = await upload(url, newPhoto());
    uploads++;
    return response;
  }
  const running = Array.from({ length: ASKERS }, () =>
    Promise.all([repeat(ask), repeat(uploadNew)]),
  );
  return {
    hits,
    get uploads() {
      return uploads;
    },
    async finish() {
      over.abort();
      await Promise.all(running);
      return { surprises, maxLatencyMs };
    },
  };
}

const fromRedis = (status: string) => status === "onceover; hit; detail=redis";
const fromDatabase = (status: string) => status === "onceover; hit; detail=sql";

/** Resolves when so many further hits came from there. */
async function untilHits(load: Load, isWanted: (status: string) => boolean): Promise<void> {
  const from = load.hits.length;
  await waitFor(
    "hits come from where they should",
    () => load.hits.slice(from).filter(isWanted).length >= 20,
    30_000,
  );
}

const redisLines = ({ log }: ServerProcess) =>
  log.map(({ msg }) => msg).filter((msg) => msg.startsWith("Redis "));

for (const transport of ["TCP", "REST"] as const) {
  describe(`Redis over ${transport}`, () => {
    let redis: TestRedis;
    let bridge: ReturnType<typeof startUpstashBridge>;
    beforeAll(async () => {
      redis = await startRedis();
      bridge = startUpstashBridge(redis.url);
    });
    afterAll(async () => {
      await bridge.stop();
      await redis.stop();
    });
    const settings = (): Settings =>
      transport === "TCP"
        ? { ...withoutMemory(), REDIS_URL: redis.url }
        : {
            ...withoutMemory(),
            UPSTASH_REDIS_REST_URL: bridge.url,
            UPSTASH_REDIS_REST_TOKEN: UPSTASH_TOKEN,
          };

    test("is frozen and killed under load, and comes back: no request fails", async () => {
      await using dir = await createDataDir();
      await using server = await startServer(dir.path, settings());
      const photos = Array.from({ length: PHOTOS }, newPhoto);
      for (const photo of photos) await upload(server.url, photo);
      const load = startLoad(server.url, photos.map(sha256));
      await untilHits(load, fromRedis);
      expect((await readHealth(server.url)).redis).toBe("connected");

      const outages = [
        { begin: () => redis.freeze(), end: () => redis.thaw() },
        { begin: () => redis.kill(), end: () => redis.restart() },
      ];
      for (const { begin, end } of outages) {
        await begin();
        const uploadsBefore = load.uploads;
        await untilHits(load, fromDatabase);
        await waitFor("uploads go through", () => load.uploads > uploadsBefore + 20, 30_000);
        const { status, redis: state } = await readHealth(server.url);
        expect([status, state]).toEqual(["healthy", "disconnected"]);
        await end();
        await untilHits(load, fromRedis);
      }
      const { surprises, maxLatencyMs } = await load.finish();
      expect(surprises).toEqual([]);
      expect(maxLatencyMs).toBeLessThan(MAX_LATENCY_MS);
      // A second outage within a minute is told only if it lasts.
      expect(redisLines(server).slice(0, 2)).toEqual([
        "Redis does not answer; going on without it until it does",
        "Redis answers again",
      ]);
      expect(await server.stop()).toBe(0);
    }, 120_000);

    test("is not there at the start: the server says so, serves, and finds it when it comes", async () => {
      await using dir = await createDataDir();
      await redis.kill();
      await using server = await startServer(dir.path, settings());
      const photos = [newPhoto(), newPhoto()];
      for (const photo of photos) expect((await upload(server.url, photo)).status).toBe(200);
      expect(redisLines(server)).toHaveLength(1);
      await redis.restart();
      await waitFor(
        "Redis is used",
        async () => (await readHealth(server.url)).redis === "connected",
      );
      const load = startLoad(server.url, photos.map(sha256));
      await untilHits(load, fromRedis);
      expect((await load.finish()).surprises).toEqual([]);
      expect(redisLines(server)).toHaveLength(2);
    }, 60_000);
  });
}
