import { expect, test } from "bun:test";
import { join } from "node:path";
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
    timeoutMs: 10_000,
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

test("with TLS the server must prove who it is", async () => {
  const certificate = join(import.meta.dir, "tls/certificate.pem");
  const key = join(import.meta.dir, "tls/key.pem");
  await using own = await startRedis({ tls: { certificate, key } });
  const ping = async (environment: Record<string, string>) => {
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "ping.ts")], {
      env: { REDIS_URL: own.url, ...environment },
      stderr: "ignore",
    });
    return new Response(child.stdout).text();
  };
  expect(await ping({})).toContain("certificate");
  expect(await ping({ NODE_EXTRA_CA_CERTS: certificate })).toBe("PONG");
});
