import type { Logger } from "pino";
import { canAnswerLocally, mapLabels } from "./classification/local-answer.ts";
import type { LanguageModel, LocalModel } from "./classification/ports.ts";
import type { Profile } from "./classification/profile.ts";
import { ConfigError, hasLanguageModel, type Config } from "./config.ts";
import { openLocalModel } from "./inference/open-local-model.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { openLanguageModel } from "./llm/open-language-model.ts";

const OPENAI_BASE_URL = "https://api.openai.com/v1";
const POOL_DRAIN_MS = 10_000;

/** The language model that is configured; null when none is, or when the mode never asks it. */
export function openConfiguredLanguageModel(
  config: Config,
  lifecycle: Lifecycle,
  log: Logger,
): LanguageModel | null {
  if (!hasLanguageModel(config) || config.INFERENCE === "local-only") return null;
  const baseUrl = config.LLM_BASE_URL ?? OPENAI_BASE_URL;
  const languageModel = openLanguageModel({
    name: new URL(baseUrl).host,
    baseUrl,
    apiKey: config.LLM_API_KEY,
    model: config.LLM_MODEL,
    timeoutMs: config.LLM_TIMEOUT_MS,
    maxRetries: config.LLM_MAX_RETRIES,
    concurrency: config.LLM_CONCURRENCY,
    maxQueued: config.LLM_MAX_QUEUED,
    structuredOutput: config.LLM_STRUCTURED_OUTPUT,
    costPerCallMicros: Math.round(config.COST_PER_API_CALL * 1_000_000),
    onStateChange: (status) =>
      log.warn({ provider: new URL(baseUrl).host, ...status }, "language model circuit"),
  });
  lifecycle.onClose("language model", () => languageModel.close());
  return languageModel;
}

/** The local model; null when none is wanted. Throws when it cannot be loaded, or cannot serve the profile. */
export async function openConfiguredLocalModel(
  config: Config,
  profile: Profile,
  lifecycle: Lifecycle,
  log: Logger,
): Promise<LocalModel | null> {
  if (config.LOCAL_MODEL === "none" || config.INFERENCE === "llm-only") return null;
  const localModel = await openLocalModel({
    modelsDir: config.MODELS_DIR,
    name: config.LOCAL_MODEL,
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
