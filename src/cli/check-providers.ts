import type { LanguageModelFailure } from "../classification/ports/language-model.ts";
import type { PreparedPicture } from "../classification/ports/picture-reader.ts";
import type { Profile } from "../classification/profile.ts";
import { MICROS } from "../classification/spending.ts";
import { type ModelOutcome, openProvider } from "../llm/open-provider.ts";
import type { ProviderSettings } from "../llm/provider-settings.ts";
import { renderTable } from "./render-table.ts";

export interface CheckedProvider {
  settings: ProviderSettings;
  outcome: ModelOutcome;
  latencyMs: number;
}

export interface CheckOptions {
  /** The picture as it is shown to providers that want it at most so large, in pixels. */
  pictureFor(maxSide: number): Promise<PreparedPicture>;
  profile: Profile;
  costPerCallMicros: number;
}

/** Shows the picture to every provider, once and all at the same time. No budget is asked. */
export function checkProviders(
  providers: readonly ProviderSettings[],
  { pictureFor, profile, costPerCallMicros }: CheckOptions,
): Promise<CheckedProvider[]> {
  return Promise.all(
    providers.map(async (settings) => {
      const picture = await pictureFor(settings.maxSide);
      const provider = openProvider({ ...settings, maxRetries: 0, costPerCallMicros });
      const startedAt = performance.now();
      const deadlineAt = Date.now() + settings.timeoutMs;
      const outcome = await provider.classify(picture, profile, deadlineAt);
      const latencyMs = Math.round(performance.now() - startedAt);
      await provider.close();
      return { settings, outcome, latencyMs };
    }),
  );
}

const COLUMNS = ["provider", "model", "latency", "tokens in/out", "cost", "answer"];

/** A table for people, one line a provider. */
export function renderChecks(checks: readonly CheckedProvider[]): string {
  return renderTable([COLUMNS, ...checks.map(toRow)]);
}

function toRow({ settings, outcome, latencyMs }: CheckedProvider): string[] {
  const start = [settings.name, settings.model, `${latencyMs} ms`];
  if (!outcome.ok) {
    const hint = HINTS[outcome.reason];
    return [
      ...start,
      "-",
      "-",
      `FAILED ${outcome.reason}: ${outcome.detail}${hint && ` (${hint})`}`,
    ];
  }
  const { usage, costMicros, category, confidence, description } = outcome.value;
  const isCounted = usage !== null && settings.prices !== null;
  return [
    ...start,
    usage ? `${usage.inputTokens}/${usage.outputTokens}` : "not told",
    `${(costMicros / MICROS).toFixed(6)}${isCounted ? "" : " (COST_PER_API_CALL)"}`,
    `${category} ${confidence} ${description}`,
  ];
}

/** What an operator can do about it. */
const HINTS: Record<LanguageModelFailure, string> = {
  timeout: "slower than its timeout",
  unreachable: "is the address right, and the server up?",
  rate_limited: "the account is out of quota, or asked too often",
  unauthorized: "the vendor does not accept this key",
  rejected: "404: is the address or the model's name wrong? 400: try a weaker structured output",
  refused: "its content filter declined a drawing of a landscape",
  malformed_output: "try another structured output; does this model see pictures?",
  server_error: "try again later",
  circuit_open: "",
  overloaded: "",
  over_budget: "",
};
