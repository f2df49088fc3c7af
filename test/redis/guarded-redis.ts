import type { Redis } from "@upstash/redis";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type GuardedRedis, openRedis } from "../../src/redis/open-redis.ts";
import type { RedisAddress } from "../../src/redis/open-transport.ts";
import { defineScript } from "../../src/redis/script.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { waitFor } from "../support/wait-for.ts";

/** A Redis server and how the transport under test reaches it. */
export interface Reachable {
  server: TestRedis;
  address: RedisAddress;
  stop(): Promise<void>;
}

/** For what must be answered, and for what will not be. */
const PATIENT_MS = 10_000;
const IMPATIENT_MS = 250;

/** What holds over every transport. */
export function describeGuardedRedis(
  transport: string,
  reach: (server: TestRedis) => Promise<Reachable>,
): void {
  describe(`Redis over ${transport}`, () => {
    let reachable: Reachable;
    const opened: GuardedRedis[] = [];
    beforeAll(async () => {
      reachable = await reach(await startRedis());
    });
    afterAll(async () => {
      await Promise.all(opened.map((redis) => redis.close()));
      await reachable.stop();
      await reachable.server.stop();
    });

    /** `changes`: what it was told of its state. */
    async function open(timeoutMs = PATIENT_MS) {
      const changes: boolean[] = [];
      const refusals: string[] = [];
      const redis = await openRedis({
        address: reachable.address,
        timeoutMs,
        onStateChange: (isAvailable) => void changes.push(isAvailable),
        onRefusal: (detail) => void refusals.push(detail),
      });
      opened.push(redis);
      return { redis, changes, refusals };
    }

    test("answers come in the shapes that the client promises", async () => {
      const { redis } = await open();
      const [key, hash, scores, set] = [newKey(), newKey(), newKey(), newKey()];
      const text = 'é\u0000😀\r\n"\\';
      expect(await value(redis, (r) => r.set(key, text))).toBe("OK");
      expect(await value(redis, (r) => r.set(key, "x", { nx: true }))).toBeNull();
      expect(await value(redis, (r) => r.get<string>(key))).toBe(text);
      expect(await value(redis, (r) => r.mget(key, newKey()))).toEqual([text, null]);
      expect(await value(redis, (r) => r.exists(key))).toBe(1);
      expect(await value(redis, (r) => r.sismember(set, "a"))).toBe(0);
      expect(await value(redis, (r) => r.incrby(newKey(), 5))).toBe(5);
      await value(redis, (r) => r.hset(hash, { a: 1, b: "two" }));
      expect(await value(redis, (r) => r.hgetall(hash))).toEqual({ a: 1, b: "two" });
      await value(redis, (r) => r.zadd(scores, { score: 1.5, member: "m" }));
      expect(await value(redis, (r) => r.zrange(scores, 0, -1, { withScores: true }))).toEqual([
        "m",
        1.5,
      ]);
      const nested = "return {1, 'a', false, {2, {'b'}}}";
      expect(await value(redis, (r) => r.eval(nested, [], []))).toEqual([1, "a", null, [2, ["b"]]]);
    });

    test("a pipeline answers in order, each command for itself", async () => {
      const { redis } = await open();
      const [key, hash] = [newKey(), newKey()];
      await value(redis, (r) => r.hset(hash, { a: 1 }));
      const replies = await value(redis, (r) =>
        r.pipeline().set(key, 1).incr(hash).incr(key).get(newKey()).exec({ keepErrors: true }),
      );
      expect(replies.map(({ error, result }) => error ?? result)).toEqual([
        "OK",
        expect.stringContaining("WRONGTYPE"),
        2,
        null,
      ]);
    });

    test("a transaction is whole, whatever else is sent meanwhile", async () => {
      const { redis } = await open();
      const counter = newKey();
      const transact = () =>
        value(redis, (r) => r.multi().incr(counter).incr(counter).get<number>(counter).exec());
      const others = Array.from({ length: 300 }, () => value(redis, (r) => r.incrby(newKey(), 1)));
      const results = await Promise.all(Array.from({ length: 300 }, transact));
      for (const [first, second, read] of results)
        expect([second, read]).toEqual([first + 1, first + 1]);
      expect(new Set(results.map(([first]) => first)).size).toBe(300);
      expect(await Promise.all(others)).toEqual(others.map(() => 1));
    });

    test("a transaction with a command that is no command is refused whole", async () => {
      const { redis } = await open();
      const key = newKey();
      // DEL without a key is refused when it is queued.
      const outcome = await redis.call((r) => r.multi().set(key, 1).del().exec());
      expect(outcome).toMatchObject({ ok: false, detail: expect.stringContaining("EXECABORT") });
      expect(await value(redis, (r) => r.get(key))).toBeNull();
    });

    test("a script is run by its digest, and loaded where the server does not know it", async () => {
      const { redis } = await open();
      const key = newKey();
      const script = defineScript<string[]>("return {KEYS[1], ARGV[1]}");
      const run = () => value(redis, (r) => script.run(r, [key], ["argument"]));
      expect(await run()).toEqual([key, "argument"]);
      await value(redis, (r) => r.scriptFlush());
      expect(await run()).toEqual([key, "argument"]);
      expect(redis.isAvailable()).toBe(true);
    });

    test("an error reply is the command's, and switches nothing off", async () => {
      const { redis } = await open();
      const hash = newKey();
      await value(redis, (r) => r.hset(hash, { a: 1 }));
      for (let call = 0; call < 10; call++) {
        const outcome = await redis.call((r) => r.get(hash));
        expect(outcome).toMatchObject({ ok: false, detail: expect.stringContaining("WRONGTYPE") });
      }
      expect(redis.isAvailable()).toBe(true);
    });

    test("a copy that refuses writes is read all the same, and one refusal is told of many", async () => {
      const { redis, changes, refusals } = await open();
      const key = newKey();
      await value(redis, (r) => r.set(key, "before"));
      await reachable.server.send("REPLICAOF", "127.0.0.1", "1");
      try {
        for (let call = 0; call < 10; call++) {
          const outcome = await redis.call((r) => r.set(key, "after"));
          expect(outcome).toMatchObject({ ok: false, detail: expect.stringContaining("READONLY") });
        }
        expect(await value(redis, (r) => r.get<string>(key))).toBe("before");
      } finally {
        await reachable.server.send("REPLICAOF", "NO", "ONE");
      }
      expect(changes).toEqual([]);
      expect(refusals).toEqual([expect.stringContaining("READONLY")]);
    });

    test("frozen, it is left alone; thawed, it is found again without a call", async () => {
      const { redis, changes } = await open(IMPATIENT_MS);
      const key = newKey();
      await value(redis, (r) => r.set(key, "before"));
      reachable.server.freeze();
      const calls = Array.from({ length: 50 }, () => redis.call((r) => r.get(newKey())));
      for (const outcome of await Promise.all(calls)) expect(outcome.ok).toBe(false);
      expect(redis.isAvailable()).toBe(false);
      expect(await redis.call((r) => r.get(key))).toMatchObject({ reason: "unavailable" });
      reachable.server.thaw();
      await waitFor("Redis is used again", () => redis.isAvailable());
      expect(changes).toEqual([false, true]);
      // No reply of a command that was given up may be taken for this one's.
      for (let call = 0; call < 20; call++)
        expect(await value(redis, (r) => r.get<string>(key))).toBe("before");
    });

    test("killed, it is left alone; started again, it is found, empty", async () => {
      const { redis, changes } = await open(IMPATIENT_MS);
      const key = newKey();
      await value(redis, (r) => r.set(key, 1));
      await reachable.server.kill();
      await waitFor("the breaker opens", async () => {
        expect((await redis.call((r) => r.get(key))).ok).toBe(false);
        return !redis.isAvailable();
      });
      await reachable.server.restart();
      await waitFor("Redis is used again", () => redis.isAvailable());
      expect(await value(redis, (r) => r.get(key))).toBeNull();
      expect(changes).toEqual([false, true]);
    });

    test("absent when it is opened, it is found when it comes", async () => {
      await reachable.server.kill();
      const { redis, changes } = await open(IMPATIENT_MS);
      expect(redis.isAvailable()).toBe(false);
      await reachable.server.restart();
      await waitFor("Redis is used", () => redis.isAvailable());
      expect(changes).toEqual([false, true]);
    });

    test("closing while it is frozen leaves no call unsettled", async () => {
      const { redis } = await open(60_000);
      reachable.server.freeze();
      const calls = Array.from({ length: 5 }, () => redis.call((r) => r.get(newKey())));
      await redis.close();
      reachable.server.thaw();
      for (const outcome of await Promise.all(calls)) expect(typeof outcome.ok).toBe("boolean");
    });
  });
}

/** Of a call that must succeed. */
async function value<Value>(
  redis: GuardedRedis,
  work: (redis: Redis) => Promise<Value>,
): Promise<Value> {
  const outcome = await redis.call(work);
  if (!outcome.ok) throw new Error(outcome.detail);
  return outcome.value;
}

const newKey = () => crypto.randomUUID();
