import { z } from "zod";
import { PRESET_NAMES, PRESETS } from "./presets.ts";
import { DEFAULT_PROVIDER_SETTINGS, type ProviderSettings } from "./provider-settings.ts";

const oneOf = <const Words extends readonly [string, ...string[]]>(words: Words) =>
  z.enum(words, `must be one of ${words.join(", ")}`);

const integer = (min: number, max: number) => {
  const message = `must be a whole number from ${min} to ${max}`;
  return z.number(message).int(message).min(min, message).max(max, message).exactOptional();
};

const decimal = (min: number, max: number) => {
  const message = `must be a number from ${min} to ${max}`;
  return z.number(message).min(min, message).max(max, message).exactOptional();
};

const matching = (pattern: RegExp, message: string) => z.string(message).regex(pattern, message);

function isHttpAddress(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && url.hostname !== "" && /^https?:$/.test(url.protocol);
}

/** One provider as an operator writes it down; what is left out comes from its preset or the defaults. */
export const providerEntrySchema = z.strictObject({
  preset: oneOf(PRESET_NAMES).exactOptional(),
  name: matching(/^[\w.:-]{1,64}$/, "must be 1 to 64 letters, digits, _ . : -").exactOptional(),
  baseUrl: z
    .string()
    .refine(isHttpAddress, "must be an address http://… or https://…")
    .exactOptional(),
  apiKeyVariable: matching(/^[A-Za-z_]\w*$/, "must name an environment variable").exactOptional(),
  model: matching(/^.{1,128}$/, "must be a name of at most 128 characters"),
  inputPrice: decimal(0, 100_000),
  outputPrice: decimal(0, 100_000),
  timeoutMs: integer(100, 120_000),
  maxRetries: integer(0, 5),
  concurrency: integer(1, 256),
  maxQueued: integer(0, 100_000),
  requestsPerMinute: integer(1, 100_000),
  temperature: decimal(0, 2),
  structuredOutput: oneOf(["json_schema", "json_object", "prompt"]).exactOptional(),
  imageDetail: oneOf(["low", "high", "auto"]).exactOptional(),
  maxSide: integer(128, 4_096),
});
export type ProviderEntry = z.infer<typeof providerEntrySchema>;

const fileSchema = z.strictObject({ providers: z.array(providerEntrySchema).min(1).max(8) });

export type Environment = Readonly<Record<string, string | undefined>>;

/** Thrown with one readable line per mistake, each beginning with where it is. */
export class ProviderMistakes extends Error {
  override readonly name = "ProviderMistakes";
  constructor(readonly mistakes: readonly string[]) {
    super(mistakes.join("\n"));
  }
}

/** Reads a provider file (docs/llm.md), with the keys that it names; throws ProviderMistakes. */
export function parseProviderFile(text: string, environment: Environment): ProviderSettings[] {
  const parsed = fileSchema.safeParse(parseJson(text));
  if (!parsed.success) {
    throw new ProviderMistakes(
      parsed.error.issues.map(
        ({ path, message }) => `${path.join(".") || "the whole"}: ${message}`,
      ),
    );
  }
  const mistakes: string[] = [];
  const providers = parsed.data.providers.map((entry, index) => {
    const mistake = findMistake(entry) ?? findMissingKey(entry, environment);
    if (mistake) mistakes.push(`providers.${index}.${mistake}`);
    return mistake ? null : resolveProvider(entry, readKey(entry, environment));
  });
  if (mistakes.length > 0) throw new ProviderMistakes(mistakes);
  return checkTogether(providers.filter((provider) => provider !== null));
}

/** Fills in what the preset and the defaults say. `entry`: with a preset or an address. */
export function resolveProvider(entry: ProviderEntry, apiKey: string | null): ProviderSettings {
  const { preset, apiKeyVariable: _, inputPrice, outputPrice, ...given } = entry;
  const known = preset && PRESETS[preset];
  const baseUrl = given.baseUrl ?? known!.baseUrl;
  const hasPrices = inputPrice !== undefined && outputPrice !== undefined;
  return {
    ...DEFAULT_PROVIDER_SETTINGS,
    ...(known && { structuredOutput: known.structuredOutput }),
    name: preset ?? new URL(baseUrl).host,
    ...given,
    baseUrl,
    apiKey,
    prices: hasPrices ? { input: inputPrice, output: outputPrice } : null,
  };
}

/** What holds for a list of providers as a whole; throws ProviderMistakes. */
export function checkTogether(providers: ProviderSettings[]): ProviderSettings[] {
  const names = providers.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new ProviderMistakes([`providers: two are called ${twice}; give one a name of its own`]);
  if (new Set(providers.map(({ maxSide }) => maxSide)).size > 2)
    throw new ProviderMistakes(["providers: at most two different values of maxSide"]);
  return providers;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ProviderMistakes(["the whole: must be JSON"]);
  }
}

/** What no schema of a single field can say. */
function findMistake(entry: ProviderEntry): string | null {
  if (!entry.preset && !entry.baseUrl)
    return `baseUrl: is needed without a preset (${PRESET_NAMES.join(", ")})`;
  if ((entry.inputPrice === undefined) !== (entry.outputPrice === undefined))
    return "inputPrice: must be given together with outputPrice";
  return null;
}

function keyVariable({ apiKeyVariable, preset }: ProviderEntry): string | null {
  return apiKeyVariable ?? (preset ? PRESETS[preset].apiKeyVariable : null);
}

function readKey(entry: ProviderEntry, environment: Environment): string | null {
  const variable = keyVariable(entry);
  return variable === null ? null : environment[variable]?.trim() || null;
}

function findMissingKey(entry: ProviderEntry, environment: Environment): string | null {
  const variable = keyVariable(entry);
  if (variable === null || readKey(entry, environment) !== null) return null;
  return `apiKeyVariable: the environment variable ${variable} is not set`;
}
