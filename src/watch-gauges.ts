import type { DailyBudget } from "./budget/daily-budget.ts";
import type { GuardedStore } from "./classification/ports/result-store.ts";
import type { UpgradeQueue } from "./classification/ports/upgrade-queue.ts";
import { MICROS } from "./classification/spending.ts";
import type { UploadBudget } from "./http/upload-budget.ts";
import type { Journal } from "./journal/journal.ts";
import type { GuardedRedis } from "./redis/open-redis.ts";
import type { SizedMemoryTier } from "./storage/memory-tier.ts";
import type { ReplicaSet } from "./storage/mysql/open-mysql-store.ts";
import type { GaugeReaders, Metrics } from "./telemetry/metrics.ts";

/** Parts whose state is read when the metrics are; null: not configured. */
export interface GaugedParts {
  memory: Pick<SizedMemoryTier, "sizes">;
  journal: Pick<Journal, "count">;
  upgrades: Pick<UpgradeQueue, "size">;
  uploadBudget: Pick<UploadBudget, "heldBytes">;
  store: Pick<GuardedStore, "isAvailable">;
  redis: Pick<GuardedRedis, "isAvailable"> | null;
  budget: Pick<DailyBudget, "status"> | null;
  replicas: Pick<ReplicaSet, "size" | "countUsable"> | null;
}

/** Adds to the metrics how the parts are; there is no gauge of what is not configured. */
export function watchGauges(metrics: Pick<Metrics, "watch">, parts: GaugedParts): void {
  const { memory, journal, upgrades, uploadBudget, store, redis, budget, replicas } = parts;
  metrics.watch({
    memory_cache_entries: { help: "Results in memory.", read: () => memory.sizes().entries },
    memory_cache_bytes: { help: "Estimated size of them.", read: () => memory.sizes().bytes },
    journal_entries: { help: "Results waiting for the database.", read: () => journal.count() },
    upgrades_waiting: { help: "Provisional results to be upgraded.", read: () => upgrades.size },
    upload_bytes: { help: "Bytes of uploads in memory.", read: () => uploadBudget.heldBytes },
    database_available: { help: "1 while it answers.", read: () => Number(store.isAvailable()) },
  });
  if (redis) {
    const help = "1 while Redis answers.";
    metrics.watch({ redis_available: { help, read: () => Number(redis.isAvailable()) } });
  }
  if (budget) metrics.watch(budgetGauges(budget));
  if (replicas) metrics.watch(replicaGauges(replicas));
}

/** What is spent today, over all processes. */
function budgetGauges(budget: Pick<DailyBudget, "status">): GaugeReaders {
  const { limits } = budget.status();
  return {
    budget_calls: {
      help: "Language-model calls of today, over all processes.",
      read: () => budget.status().spent.calls,
    },
    budget_cost: {
      help: "What they cost, in the unit of the prices.",
      read: () => budget.status().spent.costMicros / MICROS,
    },
    budget_calls_limit: { help: "Calls of a day; 0: no limit.", read: () => limits.calls ?? 0 },
    budget_cost_limit: {
      help: "Cost of a day; 0: no limit.",
      read: () => (limits.costMicros ?? 0) / MICROS,
    },
  };
}

function replicaGauges(replicas: NonNullable<GaugedParts["replicas"]>): GaugeReaders {
  return {
    database_replicas: { help: "Read replicas that are configured.", read: () => replicas.size },
    database_replicas_usable: {
      help: "Those that answer and are up to date.",
      read: () => replicas.countUsable(),
    },
  };
}
