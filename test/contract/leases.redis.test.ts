import { afterAll, beforeAll, expect, test } from "bun:test";
import { createRedisLedger } from "../../src/leases/redis-ledger.ts";
import { openRedis } from "../../src/redis/open-redis.ts";
import type { RedisAddress } from "../../src/redis/open-transport.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import {
  startUpstashBridge,
  UPSTASH_TOKEN,
  type UpstashBridge,
} from "../support/upstash-bridge.ts";
import { describeLeases } from "./leases.ts";

/** Generous: these tests are not about deadlines. */
const TIMEOUT_MS = 5_000;

let server: TestRedis;
let bridge: UpstashBridge;
beforeAll(async () => {
  server = await startRedis();
  bridge = startUpstashBridge(server.url);
}, 30_000);
afterAll(async () => {
  await bridge.stop();
  await server.stop();
});

const open = (address: RedisAddress) =>
  openRedis({ address, timeoutMs: TIMEOUT_MS, onStateChange: () => {} });
const overTcp = () => open({ transport: "tcp", url: server.url });
const overRest = () => open({ transport: "rest", url: bridge.url, token: UPSTASH_TOKEN });

for (const [transport, connect] of [
  ["TCP", overTcp],
  ["REST", overRest],
] as const) {
  describeLeases(`Redis over ${transport}`, async () => {
    const [one, other] = await Promise.all([connect(), connect()]);
    return {
      ledgers: [createRedisLedger(one, "test:"), createRedisLedger(other, "test:")],
      close: async () => void (await Promise.all([one.close(), other.close()])),
    };
  });
}

test("asking twice for the same owner, as a transport may, gives the lease", async () => {
  const redis = await overTcp();
  const ledger = createRedisLedger(redis, "test:");
  expect(await ledger.take("twice", "owner", 60_000)).toBe(true);
  expect(await ledger.take("twice", "owner", 60_000)).toBe(true);
  expect(await ledger.take("twice", "other", 60_000)).toBe(false);
  await redis.close();
});

test("a Redis that went away rejects", async () => {
  await using own = await startRedis();
  const redis = await open({ transport: "tcp", url: own.url });
  const ledger = createRedisLedger(redis, "test:");
  await own.kill();
  await expect(ledger.take("work", "owner", 60_000)).rejects.toThrow();
  await redis.close();
});
