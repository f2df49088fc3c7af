import { expect, test } from "bun:test";
import { openRedis } from "../../src/redis/open-redis.ts";
import { startRedis } from "../support/redis.ts";
import { startUpstashBridge, UPSTASH_TOKEN } from "../support/upstash-bridge.ts";
import { describeGuardedRedis } from "./guarded-redis.ts";

describeGuardedRedis("Upstash's REST interface", async (server) => {
  const bridge = startUpstashBridge(server.url);
  const address = { transport: "rest", url: bridge.url, token: UPSTASH_TOKEN } as const;
  return { server, address, stop: () => bridge.stop() };
});

test("a wrong token is said to be one; nothing is told about this process", async () => {
  await using server = await startRedis();
  const bridge = startUpstashBridge(server.url);
  const details: string[] = [];
  const redis = await openRedis({
    address: { transport: "rest", url: bridge.url, token: "guess" },
    timeoutMs: 10_000,
    onStateChange: (_, detail) => void details.push(detail),
  });
  expect(redis.isAvailable()).toBe(false);
  expect(details).toEqual(["WRONGPASS invalid or missing auth token"]);
  const names = bridge.requests.flatMap(({ headers }) => [...headers.keys()]);
  expect(names.filter((name) => name.includes("telemetry"))).toEqual([]);
  await redis.close();
  await bridge.stop();
});
