import type { Redis } from "@upstash/redis";

/** A Lua script, which Redis runs as one step. */
export interface RedisScript<Result> {
  /** `keys` and `args` are `KEYS` and `ARGV`. */
  run(redis: Redis, keys: string[], args: (string | number)[]): Promise<Result>;
}

/** Sends a script by its digest, and its text where the server does not know it (yet, or any more). */
export function defineScript<Result>(lua: string): RedisScript<Result> {
  const sha1 = new Bun.CryptoHasher("sha1").update(lua).digest("hex");
  return {
    async run(redis, keys, args) {
      try {
        return await redis.evalsha<typeof args, Result>(sha1, keys, args);
      } catch (error) {
        if (!(error instanceof Error && error.message.includes("NOSCRIPT"))) throw error;
        return redis.eval<typeof args, Result>(lua, keys, args);
      }
    },
  };
}
