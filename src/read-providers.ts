import { readFileSync } from "node:fs";
import { type PresetName, PRESETS } from "./llm/presets.ts";
import {
  checkTogether,
  type Environment,
  parseProviderFile,
  type ProviderEntry,
  ProviderMistakes,
  resolveProvider,
} from "./llm/provider-file.ts";
import type { ProviderSettings } from "./llm/provider-settings.ts";
import type { ImageDetail, StructuredOutput } from "./llm/request.ts";

/** The settings that describe language-model providers. */
export interface ProviderVariables {
  LLM_PROVIDERS_FILE: string | null;
  LLM_PRESET: PresetName | null;
  LLM_BASE_URL: string | null;
  LLM_API_KEY: string | null;
  LLM_MODEL: string | null;
  LLM_INPUT_PRICE: number | null;
  LLM_OUTPUT_PRICE: number | null;
  LLM_STRUCTURED_OUTPUT: StructuredOutput | null;
  LLM_TEMPERATURE: number | null;
  LLM_IMAGE_DETAIL: ImageDetail | null;
  LLM_IMAGE_SIDE: number;
  LLM_TIMEOUT_MS: number;
  LLM_MAX_RETRIES: number;
  LLM_CONCURRENCY: number;
  LLM_MAX_QUEUED: number;
  LLM_REQUESTS_PER_MINUTE: number;
  LLM_FALLBACK_PRESET: PresetName | null;
  LLM_FALLBACK_BASE_URL: string | null;
  LLM_FALLBACK_API_KEY: string | null;
  LLM_FALLBACK_MODEL: string | null;
  LLM_FALLBACK_INPUT_PRICE: number | null;
  LLM_FALLBACK_OUTPUT_PRICE: number | null;
}

/** How the variables of a plain provider begin. */
type Prefix = "LLM" | "LLM_FALLBACK";

const DEFAULT_MODEL = "gpt-4o-mini";

/** What would name a provider beside those of the file. */
const PLAIN_ADDRESSES = [
  "LLM_PRESET",
  "LLM_BASE_URL",
  "LLM_FALLBACK_PRESET",
  "LLM_FALLBACK_BASE_URL",
] as const;

/**
 * The providers that are configured, in the order in which they are asked; none is no mistake. Throws
 * ProviderMistakes, one readable line each, beginning with the variable's name.
 */
export function readProviders(
  variables: ProviderVariables,
  environment: Environment,
): ProviderSettings[] {
  const file = variables.LLM_PROVIDERS_FILE;
  if (file !== null) return readFile(file, variables, environment);
  const first = readPlain("LLM", variables, environment);
  const fallback = readPlain("LLM_FALLBACK", variables, environment);
  if (!fallback) return first ? [first] : [];
  if (!first) throw new ProviderMistakes(["LLM_FALLBACK_…: needs a first provider in LLM_…"]);
  const name = fallback.name === first.name ? `${fallback.name}-fallback` : fallback.name;
  return checkTogether([first, { ...fallback, name }]);
}

function readFile(
  file: string,
  variables: ProviderVariables,
  environment: Environment,
): ProviderSettings[] {
  const where = `LLM_PROVIDERS_FILE=${JSON.stringify(file)}`;
  const extra = PLAIN_ADDRESSES.find((name) => variables[name] !== null);
  if (extra) throw new ProviderMistakes([`${where}: leave out ${extra}, the file says it all`]);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    throw new ProviderMistakes([`${where}: must be a readable JSON file`]);
  }
  try {
    return parseProviderFile(text, environment);
  } catch (error) {
    if (!(error instanceof ProviderMistakes)) throw error;
    throw new ProviderMistakes(error.mistakes.map((mistake) => `${where}: ${mistake}`));
  }
}

/** null: neither preset nor address nor key is set. */
function readPlain(
  prefix: Prefix,
  variables: ProviderVariables,
  environment: Environment,
): ProviderSettings | null {
  const own = ownSettings(prefix, variables);
  if ((own.preset ?? own.baseUrl ?? own.apiKey) === null) return null;
  // A key alone means OpenAI; an address alone, an unknown vendor.
  const preset = own.preset ?? (own.baseUrl === null ? "openai" : null);
  const keyVariable = preset && PRESETS[preset].apiKeyVariable;
  const apiKey = own.apiKey ?? ((keyVariable && environment[keyVariable]?.trim()) || null);
  const where = `${prefix}_PRESET="${preset}"`;
  if (keyVariable && apiKey === null)
    throw new ProviderMistakes([`${where}: needs ${prefix}_API_KEY or ${keyVariable}`]);
  if (own.model === null && (own.preset ?? "openai") !== "openai")
    throw new ProviderMistakes([`${where}: needs ${prefix}_MODEL`]);
  const { inputPrice, outputPrice } = own;
  if ((inputPrice === null) !== (outputPrice === null)) {
    const other = `${prefix}_OUTPUT_PRICE`;
    throw new ProviderMistakes([`${prefix}_INPUT_PRICE: must be given together with ${other}`]);
  }
  const name = new URL(own.baseUrl ?? PRESETS[preset!].baseUrl).host;
  const model = own.model ?? DEFAULT_MODEL;
  const entry = { ...sharedSettings(variables), ...own, preset, name, model, apiKey: null };
  return resolveProvider(withoutNulls(entry) as ProviderEntry, apiKey);
}

function ownSettings(prefix: Prefix, variables: ProviderVariables) {
  return {
    preset: variables[`${prefix}_PRESET` as const],
    baseUrl: variables[`${prefix}_BASE_URL` as const],
    apiKey: variables[`${prefix}_API_KEY` as const],
    model: variables[`${prefix}_MODEL` as const],
    inputPrice: variables[`${prefix}_INPUT_PRICE` as const],
    outputPrice: variables[`${prefix}_OUTPUT_PRICE` as const],
  };
}

function sharedSettings(variables: ProviderVariables) {
  return {
    structuredOutput: variables.LLM_STRUCTURED_OUTPUT,
    temperature: variables.LLM_TEMPERATURE,
    imageDetail: variables.LLM_IMAGE_DETAIL,
    maxSide: variables.LLM_IMAGE_SIDE,
    timeoutMs: variables.LLM_TIMEOUT_MS,
    maxRetries: variables.LLM_MAX_RETRIES,
    concurrency: variables.LLM_CONCURRENCY,
    maxQueued: variables.LLM_MAX_QUEUED,
    requestsPerMinute: variables.LLM_REQUESTS_PER_MINUTE || null,
  };
}

function withoutNulls(entry: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== null));
}
