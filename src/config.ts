import { ProviderMistakes } from "./llm/provider-file.ts";
import type { ProviderSettings } from "./llm/provider-settings.ts";
import { readProviders } from "./read-providers.ts";
import type { Setting } from "./settings/setting-kinds.ts";
import { SETTINGS, type SettingName } from "./settings.ts";

/** A setting without a fallback may be null. */
type ValueOf<S> =
  S extends Setting<infer Value, infer Fallback>
    ? Fallback extends string
      ? Value
      : Value | null
    : never;

export type Config = Readonly<{ [Name in SettingName]: ValueOf<(typeof SETTINGS)[Name]> }> & {
  /** The language models that these settings describe, in the order in which they are asked. */
  readonly providers: readonly ProviderSettings[];
};

/** Every mistake in the environment, one readable line each. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  constructor(readonly mistakes: readonly string[]) {
    super(mistakes.join("\n"));
  }
}

/** Reads the environment once; throws a ConfigError that lists every mistake. */
export function parseConfig(environment: Record<string, string | undefined>): Config {
  const values: Record<string, unknown> = {};
  const mistakes: string[] = [];
  for (const [name, { schema, fallback, allowed, isSecret }] of Object.entries<Setting<unknown>>(
    SETTINGS,
  )) {
    const given = environment[name]?.trim() || fallback;
    if (given === null) {
      values[name] = null;
      continue;
    }
    const parsed = schema.safeParse(given);
    if (parsed.success) values[name] = parsed.data;
    else
      mistakes.push(`${name}=${isSecret ? "(hidden)" : JSON.stringify(given)}: must be ${allowed}`);
  }
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  values["providers"] = readConfiguredProviders(values as Config, environment);
  const config = values as Config;
  const contradictions = findContradictions(config);
  if (contradictions.length > 0) throw new ConfigError(contradictions);
  return Object.freeze(config);
}

/** Whether a language model is configured: a preset, an address, a key or a file is enough. */
export function hasLanguageModel({ providers }: Config): boolean {
  return providers.length > 0;
}

/** Whether a local model is wanted. */
export function hasLocalModel({ LOCAL_MODEL }: Pick<Config, "LOCAL_MODEL">): boolean {
  return !LOCAL_MODEL.includes("none");
}

function readConfiguredProviders(
  config: Config,
  environment: Record<string, string | undefined>,
): ProviderSettings[] {
  try {
    return readProviders(config, environment);
  } catch (error) {
    if (error instanceof ProviderMistakes) throw new ConfigError(error.mistakes);
    throw error;
  }
}

const ANY_PROVIDER = "LLM_PRESET, LLM_BASE_URL, LLM_API_KEY or LLM_PROVIDERS_FILE";

function findContradictions(config: Config): string[] {
  const found: string[] = [];
  const { INFERENCE, LOCAL_MODEL, REDIS_URL } = config;
  if (config.DATABASE_REPLICA_URLS !== null && config.DATABASE_URL === null) {
    found.push("DATABASE_REPLICA_URLS: needs DATABASE_URL, the database that they copy");
  }
  if (INFERENCE === "llm-only" && !hasLanguageModel(config)) {
    found.push(`INFERENCE="llm-only": needs ${ANY_PROVIDER}`);
  }
  if (LOCAL_MODEL.length > 1 && LOCAL_MODEL.includes("none")) {
    found.push(`LOCAL_MODEL="${LOCAL_MODEL.join(",")}": none stands alone`);
  }
  if (new Set(LOCAL_MODEL).size < LOCAL_MODEL.length) {
    found.push(`LOCAL_MODEL="${LOCAL_MODEL.join(",")}": names a model twice`);
  }
  if (!hasLocalModel(config) && (INFERENCE === "local-only" || !hasLanguageModel(config))) {
    found.push(`LOCAL_MODEL="none": nothing could classify; name a model, or set ${ANY_PROVIDER}`);
  }
  const { UPSTASH_REDIS_REST_URL: restUrl, UPSTASH_REDIS_REST_TOKEN: restToken } = config;
  if (REDIS_URL !== null && restUrl !== null) {
    found.push("REDIS_URL: UPSTASH_REDIS_REST_URL names another Redis; keep one of them");
  }
  if ((restUrl === null) !== (restToken === null)) {
    found.push("UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN: set both or neither");
  }
  return found;
}
