import type { LeaseLedger } from "../classification/ports/leases.ts";
import type { GuardedRedis } from "../redis/open-redis.ts";
import { defineScript, type RedisScript } from "../redis/script.ts";

/** `SET NX` alone would refuse a lease to its own owner where a transport sends the command again. */
const TAKE = defineScript<number>(`
if redis.call("set", KEYS[1], ARGV[1], "NX", "PX", ARGV[2]) then return 1 end
return redis.call("get", KEYS[1]) == ARGV[1] and 1 or 0`);

const RENEW = defineScript<number>(`
if redis.call("get", KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call("pexpire", KEYS[1], ARGV[2])`);

const RELEASE = defineScript<number>(`
if redis.call("get", KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call("del", KEYS[1])`);

/** Leases in Redis, each a key that expires. `keyPrefix`: before each name, with its separator. */
export function createRedisLedger(redis: GuardedRedis, keyPrefix: string): LeaseLedger {
  async function run(
    script: RedisScript<number>,
    name: string,
    args: (string | number)[],
  ): Promise<boolean> {
    const keys = [`${keyPrefix}${name}`];
    const outcome = await redis.call((client) => script.run(client, keys, args));
    if (!outcome.ok) throw new Error(outcome.detail);
    return outcome.value === 1;
  }

  return {
    take: (name, owner, ttlMs) => run(TAKE, name, [owner, ttlMs]),
    renew: (name, owner, ttlMs) => run(RENEW, name, [owner, ttlMs]),
    async release(name, owner) {
      await run(RELEASE, name, [owner]);
    },
  };
}
