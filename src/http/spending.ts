import type { UploadAnswer } from "../classification/classify-upload.ts";
import type { RequestRecord } from "../classification/ports/recorder.ts";

export type Spending = Pick<
  RequestRecord,
  "provider" | "model" | "inputTokens" | "outputTokens" | "costMicros"
>;

/** Of requests that ask no model. */
export const NOTHING_SPENT: Spending = {
  provider: null,
  model: null,
  inputTokens: null,
  outputTokens: null,
  costMicros: 0,
};

/**
 * What a request's model calls took. A call that several requests shared counts for the one that made
 * it, so that sums over the log are true; provider and model are named where all calls had the same.
 */
export function spendingOf(answers: readonly UploadAnswer[]): Spending {
  const made = answers
    .filter(({ source, collapsed }) => source === "model" && !collapsed)
    .map(({ classification }) => classification);
  return {
    provider: onlyOne(made.map(({ provider }) => provider)),
    model: onlyOne(made.map(({ model }) => model)),
    inputTokens: sumKnown(made.map(({ inputTokens }) => inputTokens)),
    outputTokens: sumKnown(made.map(({ outputTokens }) => outputTokens)),
    costMicros: sumKnown(made.map(({ costMicros }) => costMicros)) ?? 0,
  };
}

function onlyOne(names: readonly (string | null)[]): string | null {
  const [name = null, ...others] = new Set(names);
  return others.length === 0 ? name : null;
}

function sumKnown(numbers: readonly (number | null)[]): number | null {
  const known = numbers.filter((number) => number !== null);
  return known.length === 0 ? null : known.reduce((sum, number) => sum + number, 0);
}
