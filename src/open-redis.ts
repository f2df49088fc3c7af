import type { Logger } from "pino";
import type { SharedTier } from "./classification/ports/shared-tier.ts";
import type { Config } from "./config.ts";
import { aliasQuorum } from "./create-answering.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { type GuardedRedis, openRedis } from "./redis/open-redis.ts";
import type { RedisAddress } from "./redis/open-transport.ts";
import { createOutageReport } from "./telemetry/create-outage-report.ts";
import { createRedisTier } from "./storage/redis/redis-tier.ts";

/** The Redis that is configured; null when none is. One that does not answer stops no start. */
export async function openConfiguredRedis(
  config: Config,
  { lifecycle, log }: { lifecycle: Lifecycle; log: Logger },
): Promise<GuardedRedis | null> {
  const address = redisAddress(config);
  if (!address) return null;
  const server = new URL(address.url).host;
  const redis = await openRedis({
    address,
    timeoutMs: config.REDIS_TIMEOUT_MS,
    onStateChange: createOutageReport({
      report: (isAvailable, detail) =>
        isAvailable
          ? log.info({ server }, "Redis answers again")
          : log.error(
              { server, detail },
              "Redis does not answer; going on without it until it does",
            ),
    }),
    onRefusal: (detail) => log.warn({ server, detail }, "Redis refuses commands"),
  });
  lifecycle.onClose("redis", () => redis.close());
  return redis;
}

/** The tier between memory and database, where there is a Redis. */
export function createConfiguredTier(
  config: Config,
  redis: GuardedRedis,
  { profileId, clock }: { profileId: string; clock: () => number },
): SharedTier {
  const keys = { prefix: config.REDIS_KEY_PREFIX, profileId, quorum: aliasQuorum(config) };
  return createRedisTier({ redis, keys, clock, random: Math.random });
}

function redisAddress(config: Config): RedisAddress | null {
  const { REDIS_URL, UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN } = config;
  if (REDIS_URL !== null) return { transport: "tcp", url: REDIS_URL };
  if (UPSTASH_REDIS_REST_URL === null || UPSTASH_REDIS_REST_TOKEN === null) return null;
  return { transport: "rest", url: UPSTASH_REDIS_REST_URL, token: UPSTASH_REDIS_REST_TOKEN };
}
