import type { BudgetStatus, DailyBudget } from "./budget/daily-budget.ts";
import type { LocalModel } from "./classification/ports/local-model.ts";
import type { GuardedStore } from "./classification/ports/result-store.ts";
import { MICROS } from "./classification/spending.ts";
import type { InferenceMode } from "./classification/classify-by-mode.ts";
import type { HealthReport } from "./http/context.ts";
import type { LanguageModelChain } from "./llm/open-chain.ts";
import type { GuardedRedis } from "./redis/open-redis.ts";

export interface HealthDeps {
  store: Pick<GuardedStore, "ping">;
  /** null: none is configured. */
  redis: Pick<GuardedRedis, "call"> | null;
  storeKind: "sqlite" | "mysql";
  replicas: { readonly size: number; countUsable(): number } | null;
  mode: InferenceMode;
  profileId: string;
  languageModel: LanguageModelChain | null;
  localModel: LocalModel | null;
  budget: Pick<DailyBudget, "status"> | null;
  journal: { count(): number };
  upgrades: { readonly size: number };
}

/** Looks at every part that an answer depends on; a down database is found by asking it. */
export function createHealthCheck(deps: HealthDeps): () => Promise<HealthReport> {
  const { languageModel, localModel, mode } = deps;
  const mayAskLanguageModel = languageModel !== null && mode !== "local-only";
  const mayAskLocalModel = localModel !== null && mode !== "llm-only";

  return async function checkHealth() {
    const [ping, redis] = await Promise.all([deps.store.ping(), lookAtRedis(deps.redis)]);
    const isConnected = ping.ok;
    const languageModelAnswers = mayAskLanguageModel && languageModel.isAvailable();
    const localModelAnswers = mayAskLocalModel && localModel.isAvailable();
    const providers = languageModel?.providers() ?? [];
    const canClassify = languageModelAnswers || localModelAnswers;
    return {
      status: canClassify && isConnected ? "healthy" : "unhealthy",
      database: isConnected ? "connected" : "disconnected",
      redis,
      model_api: languageModelAnswers
        ? "available"
        : localModelAnswers
          ? "degraded"
          : "not_configured",
      details: {
        store: deps.storeKind,
        replicas: deps.replicas && {
          configured: deps.replicas.size,
          usable: deps.replicas.countUsable(),
        },
        inference: mode,
        profile: deps.profileId,
        language_model: {
          configured: languageModel !== null,
          available: languageModelAnswers,
          model: providers[0]?.model ?? null,
        },
        language_models: providers.map(({ name, model, circuit, reason, since }) => ({
          name,
          model,
          circuit,
          reason,
          since: new Date(since).toISOString(),
        })),
        local_model: {
          name: localModel && `${localModel.card.name}@${localModel.card.version}`,
          available: localModelAnswers,
        },
        budget: deps.budget && describeBudget(deps.budget.status()),
        journal_entries: deps.journal.count(),
        upgrades_waiting: deps.upgrades.size,
      },
    };
  };
}

async function lookAtRedis(redis: HealthDeps["redis"]): Promise<HealthReport["redis"]> {
  if (!redis) return "not_configured";
  return (await redis.call((client) => client.ping())).ok ? "connected" : "disconnected";
}

function describeBudget({ day, spent, limits, isExhausted }: BudgetStatus) {
  return {
    day,
    calls: spent.calls,
    calls_limit: limits.calls,
    cost: spent.costMicros / MICROS,
    cost_limit: limits.costMicros && limits.costMicros / MICROS,
    exhausted: isExhausted,
  };
}
