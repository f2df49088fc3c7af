import type { GuardedStore, LanguageModel, LocalModel } from "./classification/ports.ts";
import type { InferenceMode } from "./classification/classify-by-mode.ts";
import type { HealthReport } from "./http/context.ts";

export interface HealthDeps {
  store: Pick<GuardedStore, "ping">;
  storeKind: "sqlite" | "mysql";
  mode: InferenceMode;
  profileId: string;
  languageModel: LanguageModel | null;
  languageModelName: string | null;
  localModel: LocalModel | null;
  journal: { count(): number };
  upgrades: { readonly size: number };
}

/** Looks at every part that an answer depends on; a down database is found by asking it. */
export function createHealthCheck(deps: HealthDeps): () => Promise<HealthReport> {
  const { languageModel, localModel, mode } = deps;
  const mayAskLanguageModel = languageModel !== null && mode !== "local-only";
  const mayAskLocalModel = localModel !== null && mode !== "llm-only";

  return async function checkHealth() {
    const isConnected = (await deps.store.ping()).ok;
    const languageModelAnswers = mayAskLanguageModel && languageModel.isAvailable();
    const localModelAnswers = mayAskLocalModel && localModel.isAvailable();
    const canClassify = languageModelAnswers || localModelAnswers;
    return {
      status: canClassify && isConnected ? "healthy" : "unhealthy",
      database: isConnected ? "connected" : "disconnected",
      model_api: languageModelAnswers
        ? "available"
        : localModelAnswers
          ? "degraded"
          : "not_configured",
      details: {
        store: deps.storeKind,
        inference: mode,
        profile: deps.profileId,
        language_model: {
          configured: languageModel !== null,
          available: languageModelAnswers,
          model: deps.languageModelName,
        },
        local_model: {
          name: localModel && `${localModel.card.name}@${localModel.card.version}`,
          available: localModelAnswers,
        },
        journal_entries: deps.journal.count(),
        upgrades_waiting: deps.upgrades.size,
      },
    };
  };
}
