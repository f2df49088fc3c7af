import type { ModelOutput } from "./manifest.ts";

/** Turns a model's raw output into probabilities, 0..1. Throws RangeError on numbers that are none. */
export function activate(logits: ArrayLike<number>, output: ModelOutput): number[] {
  const values = Array.from(logits, (logit) => logit / output.temperature);
  if (!values.every(Number.isFinite)) throw new RangeError("The model answered with no numbers.");
  switch (output.activation) {
    case "softmax":
      return softmax(values);
    case "sigmoid":
      return values.map((value) => 1 / (1 + Math.exp(-value)));
    case "none":
      return Array.from(logits, (value) => Math.max(0, Math.min(1, value)));
  }
}

/** Subtracting the largest logit first keeps the exponentials finite. */
function softmax(logits: readonly number[]): number[] {
  const largest = Math.max(...logits);
  const weights = logits.map((logit) => Math.exp(logit - largest));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}
