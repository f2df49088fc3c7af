import { afterAll, beforeAll, expect, test } from "bun:test";
import { createAlbum, sha256, upload } from "../support/album.ts";
import { behaviours, startFakeProvider, type FakeProvider } from "../support/fake-provider.ts";
import { startFleet } from "../support/fleet.ts";
import { openMariadb, type TestMariadb } from "../support/mariadb.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import type { Settings } from "../support/server-process.ts";
import { readMysqlRows } from "../support/stored-rows.ts";
import {
  startUpstashBridge,
  UPSTASH_TOKEN,
  type UpstashBridge,
} from "../support/upstash-bridge.ts";
import { waitFor } from "../support/wait-for.ts";

const STAMPEDE = 1_000;
/** Long enough for all uploads to have come before the only answer. */
const MODEL_MS = 2_000;
const newPhoto = await createAlbum();

let provider: FakeProvider;
let mariadb: TestMariadb;
let redis: TestRedis;
let bridge: UpstashBridge;

beforeAll(async () => {
  provider = startFakeProvider({ keepRequests: 0 });
  [mariadb, redis] = await Promise.all([openMariadb(), startRedis()]);
  bridge = startUpstashBridge(redis.url);
}, 60_000);
afterAll(async () => {
  await Promise.all([provider.stop(), mariadb.stop(), bridge.stop()]);
  await redis.stop();
}, 60_000);

const TRANSPORTS: Record<string, () => Settings> = {
  "Redis over TCP": () => ({ REDIS_URL: redis.url }),
  "Redis over Upstash's REST": () => ({
    UPSTASH_REDIS_REST_URL: bridge.url,
    UPSTASH_REDIS_REST_TOKEN: UPSTASH_TOKEN,
  }),
  "no Redis": () => ({}),
};

for (const [transport, settings] of Object.entries(TRANSPORTS)) {
  test(`${transport}: a thousand uploads of one unknown photo through the balancer make one model call`, async () => {
    const database = await mariadb.createDatabase();
    await using fleet = await startFleet({
      DATABASE_URL: database,
      LLM_BASE_URL: provider.baseUrl,
      LOCAL_MODEL: "none",
      ...settings(),
    });
    provider.behave(behaviours.slow(MODEL_MS));
    const before = provider.calls.count;
    const photo = newPhoto();
    const answers = await Promise.all(
      Array.from({ length: STAMPEDE }, () => upload(fleet.balancer.url, photo)),
    );
    expect(provider.calls.count - before).toBe(1);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ answer }) => JSON.stringify(answer.data))).size).toBe(1);
    expect([...(await readMysqlRows(database)).digests]).toEqual([sha256(photo)]);
  }, 120_000);
}

for (const transport of ["Redis over TCP", "no Redis"] as const) {
  test(`${transport}: the owner of a call is killed, another takes over and everybody else is answered`, async () => {
    await using fleet = await startFleet({
      DATABASE_URL: await mariadb.createDatabase(),
      LLM_BASE_URL: provider.baseUrl,
      LOCAL_MODEL: "none",
      ...TRANSPORTS[transport]!(),
    });
    const before = provider.calls.count;
    provider.behave((_, index) => (index === before ? behaviours.hang() : behaviours.answer()));
    const [owner, ...others] = fleet.servers;
    const photo = newPhoto();
    const lost = upload(owner!.url, photo).catch(() => "lost");
    await waitFor("the owner's call hangs", () => provider.calls.inFlight === 1);
    const answers = others.flatMap((server) =>
      Array.from({ length: 20 }, () => upload(server!.url, photo)),
    );
    owner!.signal("SIGKILL");
    expect(await lost).toBe("lost");
    for (const { status } of await Promise.all(answers)) expect(status).toBe(200);
    expect(provider.calls.count - before).toBe(2);
  }, 120_000);
}
