import { join } from "node:path";
import type { Logger } from "pino";
import { canAnswerLocally, mapLabels } from "./classification/local-answer.ts";
import type { LocalModel } from "./classification/ports/local-model.ts";
import { type CallBudget, toMicros } from "./classification/spending.ts";
import type { Profile } from "./classification/profile.ts";
import { ConfigError, hasLanguageModel, hasLocalModel, type Config } from "./config.ts";
import { openLocalModel } from "./inference/open-local-model.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { type LanguageModelChain, openChain } from "./llm/open-chain.ts";
import { type CircuitStatus, openProvider } from "./llm/open-provider.ts";
import type { Shrink } from "./llm/picture-sizes.ts";

const POOL_DRAIN_MS = 10_000;

export interface LanguageModelSurroundings {
  lifecycle: Lifecycle;
  log: Logger;
  budget: CallBudget;
  shrink: Shrink;
}

/** The language models that are configured; null when none is, or when the mode never asks one. */
export function openConfiguredLanguageModel(
  config: Config,
  { lifecycle, log, budget, shrink }: LanguageModelSurroundings,
): LanguageModelChain | null {
  if (!hasLanguageModel(config) || config.INFERENCE === "local-only") return null;
  const providers = config.providers.map((settings) =>
    openProvider({
      ...settings,
      budget,
      costPerCallMicros: toMicros(config.COST_PER_API_CALL),
      onStateChange: (status) => logCircuit(log, settings.name, status),
    }),
  );
  const names = config.providers.map(({ name, model }) => `${name}: ${model}`);
  log.info({ providers: names, hedge: config.LLM_HEDGE }, "language models");
  const chain = openChain({ providers, hedge: config.LLM_HEDGE, shrink });
  lifecycle.onClose("language models", () => chain.close());
  return chain;
}

/** A refused key heals only by an operator's hand. */
function logCircuit(log: Logger, provider: string, status: CircuitStatus): void {
  const isError = status.circuit === "open" && status.reason === "unauthorized";
  log[isError ? "error" : "warn"]({ provider, ...status }, "language model circuit");
}

/** Where models are looked for: those that come with the server, then those downloaded. */
export function modelFolders(config: Config): string[] {
  return [config.MODELS_DIR, downloadedModels(config)];
}

/** Where `models pull` puts models. */
export function downloadedModels({ DATA_DIR }: Config): string {
  return join(DATA_DIR, "models");
}

/** The local model; null when none is wanted. Throws when it cannot be loaded, or cannot serve the profile. */
export async function openConfiguredLocalModel(
  config: Config,
  profile: Profile,
  lifecycle: Lifecycle,
  log: Logger,
): Promise<LocalModel | null> {
  if (!hasLocalModel(config) || config.INFERENCE === "llm-only") return null;
  const localModel = await openLocalModel({
    folders: modelFolders(config),
    names: config.LOCAL_MODEL,
    workers: config.LOCAL_WORKERS,
    maxQueued: config.LOCAL_MAX_QUEUED,
    taskTimeoutMs: config.LOCAL_TIMEOUT_MS,
    maxPixels: config.MAX_IMAGE_MEGAPIXELS * 1_000_000,
    onEvent: (event) => log.debug({ event }, "local model"),
  });
  lifecycle.onClose("local model", () => localModel.close(POOL_DRAIN_MS));
  if (canAnswerLocally(mapLabels(localModel.card, profile))) return localModel;
  if (!hasLanguageModel(config) || config.INFERENCE === "local-only") {
    throw new ConfigError([
      `PROFILE_FILE=${JSON.stringify(config.PROFILE_FILE)}: the labels of local model ` +
        `${localModel.card.name} fit none of its categories, and no language model may answer instead`,
    ]);
  }
  log.warn({ model: localModel.card.name }, "the local model's labels do not fit this profile");
  return null;
}
