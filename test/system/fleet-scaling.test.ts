import { afterAll, beforeAll, expect, test } from "bun:test";
import { checkCache, createAlbum, sha256, upload } from "../support/album.ts";
import { behaviours, startFakeProvider, type FakeProvider } from "../support/fake-provider.ts";
import { startFleet, type Fleet } from "../support/fleet.ts";
import { openMariadb, type TestMariadb } from "../support/mariadb.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import type { Settings } from "../support/server-process.ts";
import { readMysqlRows } from "../support/stored-rows.ts";
import { waitFor } from "../support/wait-for.ts";

const MODEL_MS = 200;
const ASKERS = 8;
const UPLOADERS = 8;
const newPhoto = await createAlbum();

let provider: FakeProvider;
let mariadb: TestMariadb;
let redis: TestRedis;

beforeAll(async () => {
  provider = startFakeProvider({ keepRequests: 0, behaviour: behaviours.slow(MODEL_MS) });
  [mariadb, redis] = await Promise.all([openMariadb(), startRedis()]);
}, 60_000);
afterAll(async () => {
  await Promise.all([provider.stop(), mariadb.stop(), redis.stop()]);
}, 60_000);

/** Asks and uploads through the balancer without a pause, on connections that are kept and on new ones. */
function startLoad(url: string, hot: string) {
  const uploaded: string[] = [];
  const failures: unknown[] = [];
  let answered = 0;
  const over = new AbortController();

  async function repeat(request: () => Promise<{ status: number; answer: unknown }>) {
    while (!over.signal.aborted) {
      const outcome = await request().catch((error: unknown) => ({ status: 0, answer: error }));
      if (outcome.status === 200) answered++;
      else failures.push(outcome);
    }
  }
  async function uploadNew() {
    const photo = newPhoto();
    const outcome = await upload(url, photo);
    uploaded.push(sha256(photo));
    return outcome;
  }
  const running = [
    ...Array.from({ length: ASKERS }, () => repeat(() => checkCache(url, hot))),
    ...Array.from({ length: UPLOADERS }, () => repeat(uploadNew)),
  ];
  return {
    get answered() {
      return answered;
    },
    async finish() {
      over.abort();
      await Promise.all(running);
      return { uploaded, failures };
    },
  };
}

async function underLoad(
  fleet: Fleet,
  database: string,
  work: (load: { answered: number }) => Promise<void>,
) {
  const hot = newPhoto();
  await upload(fleet.balancer.url, hot);
  const load = startLoad(fleet.balancer.url, sha256(hot));
  await work(load);
  const { uploaded, failures } = await load.finish();
  expect(failures).toEqual([]);
  const { digests } = await readMysqlRows(database);
  expect(uploaded.filter((digest) => !digests.has(digest))).toEqual([]);
}

/** Lets some traffic pass in the present state of things. */
function someTraffic(load: { answered: number }): Promise<unknown> {
  const enough = load.answered + 200;
  return waitFor("more requests are answered", () => load.answered >= enough, 30_000);
}

async function settings(): Promise<{ database: string; settings: Settings }> {
  const database = await mariadb.createDatabase();
  return {
    database,
    settings: {
      DATABASE_URL: database,
      REDIS_URL: redis.url,
      LLM_BASE_URL: provider.baseUrl,
      LOCAL_MODEL: "none",
    },
  };
}

test("four servers are restarted one after the other under load: no request fails, no result is lost", async () => {
  const { database, settings: own } = await settings();
  await using fleet = await startFleet(own);
  await underLoad(fleet, database, async (load) => {
    for (const place of fleet.servers.keys()) {
      expect(await fleet.stop(place)).toBe(0);
      await fleet.start(place);
      await someTraffic(load);
    }
  });
}, 180_000);

test("one server becomes four and one again under load: no request fails, no result is lost", async () => {
  const { database, settings: own } = await settings();
  await using fleet = await startFleet(own, { running: 1 });
  await underLoad(fleet, database, async (load) => {
    for (const place of [1, 2, 3]) {
      await fleet.start(place);
      await someTraffic(load);
    }
    for (const place of [0, 1, 2]) {
      expect(await fleet.stop(place)).toBe(0);
      await someTraffic(load);
    }
  });
}, 180_000);
