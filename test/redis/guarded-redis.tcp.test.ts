import { expect, test } from "bun:test";
import { openRedis } from "../../src/redis/open-redis.ts";
import { startRedis } from "../support/redis.ts";
import { describeGuardedRedis } from "./guarded-redis.ts";

describeGuardedRedis("TCP", async (server) => ({
  server,
  address: { transport: "tcp", url: server.url },
  stop: () => Promise.resolve(),
}));

async function openOnce(url: string) {
  const details: string[] = [];
  const onStateChange = (_: boolean, detail: string) => void details.push(detail);
  const redis = await openRedis({
    address: { transport: "tcp", url },
    timeoutMs: 1_000,
    onStateChange,
  });
  return { redis, details };
}

test("the password of the address is given, and the database chosen", async () => {
  await using own = await startRedis({ password: "s3cret" });
  const { redis } = await openOnce(`${own.url}/3`);
  const other = await openOnce(own.url);
  await redis.call((r) => r.set("key", "in database 3"));
  expect(await redis.call((r) => r.get<string>("key"))).toEqual({
    ok: true,
    value: "in database 3",
  });
  expect(await other.redis.call((r) => r.get<string>("key"))).toEqual({ ok: true, value: null });
  await Promise.all([redis.close(), other.redis.close()]);
});

test("a wrong password is said to be one, and not shown", async () => {
  await using own = await startRedis({ password: "s3cret" });
  const { redis, details } = await openOnce(own.url.replace("s3cret", "guess"));
  expect(redis.isAvailable()).toBe(false);
  expect(details).toEqual([expect.stringContaining("WRONGPASS")]);
  expect(details.join()).not.toContain("guess");
  await redis.close();
});
