import type { DatabaseLeaseLedger, Leases } from "./classification/ports/leases.ts";
import type { GuardedStore } from "./classification/ports/result-store.ts";
import type { Config } from "./config.ts";
import { createFallbackLeases } from "./leases/create-fallback-leases.ts";
import { openLeases } from "./leases/open-leases.ts";
import { createRedisLedger } from "./leases/redis-ledger.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { GuardedRedis } from "./redis/open-redis.ts";

/** How soon another process goes on with what a process that died was at. */
const TTL_MS = 5_000;

interface Surroundings {
  ledger: DatabaseLeaseLedger;
  store: Pick<GuardedStore, "isAvailable">;
  /** null: none is configured. */
  redis: GuardedRedis | null;
  lifecycle: Lifecycle;
}

/** Leases in Redis where there is one, and in the database while it does not answer. */
export function openConfiguredLeases(
  { REDIS_KEY_PREFIX }: Pick<Config, "REDIS_KEY_PREFIX">,
  { ledger, store, redis, lifecycle }: Surroundings,
): Leases {
  const isAvailable = () => store.isAvailable();
  const inDatabase = openLeases({ ledger, ttlMs: TTL_MS, isAvailable });
  lifecycle.onClose("leases", () => inDatabase.close());
  if (!redis) return inDatabase;
  const inRedis = openLeases({
    ledger: createRedisLedger(redis, `${REDIS_KEY_PREFIX}:lease:`),
    ttlMs: TTL_MS,
    isAvailable: () => redis.isAvailable(),
  });
  lifecycle.onClose("leases in Redis", () => inRedis.close());
  return createFallbackLeases(inRedis, inDatabase);
}
