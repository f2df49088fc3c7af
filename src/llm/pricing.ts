import type { TokenUsage } from "./parse-reply.ts";

/** Money units per million tokens. */
export interface Prices {
  input: number;
  output: number;
}

/** What calls to one provider cost, in whole millionths of the money unit. */
export interface Pricing {
  /** What the next call will probably cost: what the last one did. */
  readonly estimateMicros: number;
  /** `usage`: as the provider counted; null where it does not say. */
  costOf(usage: TokenUsage | null): number;
}

/** A prompt with eight categories, a picture of 1024 px, and one sentence. */
const TYPICAL: TokenUsage = { inputTokens: 1_500, outputTokens: 100 };

/** `costPerCallMicros` stands in where prices or token counts are missing. */
export function createPricing(prices: Prices | null, costPerCallMicros: number): Pricing {
  function price(usage: TokenUsage): number {
    if (!prices) return costPerCallMicros;
    // A price per million tokens in units is the price of one token in millionths.
    return Math.round(usage.inputTokens * prices.input + usage.outputTokens * prices.output);
  }
  let estimateMicros = price(TYPICAL);
  return {
    get estimateMicros() {
      return estimateMicros;
    },
    costOf(usage) {
      estimateMicros = usage ? price(usage) : costPerCallMicros;
      return estimateMicros;
    },
  };
}
