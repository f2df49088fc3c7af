import { expect, test } from "bun:test";
import { createPricing } from "./pricing.ts";

const USAGE = { inputTokens: 850, outputTokens: 40 };

test("tokens cost what a million of them costs, in millionths", () => {
  const pricing = createPricing({ input: 0.15, output: 0.6 }, 1_000);
  expect(pricing.costOf(USAGE)).toBe(Math.round(850 * 0.15 + 40 * 0.6));
});

test("the cost of a call stands in where tokens or prices are missing", () => {
  expect(createPricing({ input: 0.15, output: 0.6 }, 1_000).costOf(null)).toBe(1_000);
  expect(createPricing(null, 1_000).costOf(USAGE)).toBe(1_000);
});

test("a free model costs nothing", () => {
  const pricing = createPricing({ input: 0, output: 0 }, 1_000);
  expect([pricing.estimateMicros, pricing.costOf(USAGE)]).toEqual([0, 0]);
});

test("the estimate is what the last call cost", () => {
  const pricing = createPricing({ input: 1, output: 1 }, 1_000);
  expect(pricing.estimateMicros).toBe(1_600);
  pricing.costOf(USAGE);
  expect(pricing.estimateMicros).toBe(890);
});
