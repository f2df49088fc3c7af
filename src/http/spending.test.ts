import { expect, test } from "bun:test";
import { newResult } from "../../test/support/results.ts";
import type { UploadAnswer } from "../classification/classify-upload.ts";
import { NOTHING_SPENT, spendingOf } from "./spending.ts";

const answer = (changes: Partial<UploadAnswer> = {}): UploadAnswer => {
  const classification = newResult({ inputTokens: 800, outputTokens: 40, costMicros: 900 });
  const { digest } = classification;
  const durations = {};
  return {
    digest,
    classification,
    source: "model",
    collapsed: false,
    saved: null,
    durations,
    ...changes,
  };
};
const unnamed = newResult({
  provider: null,
  model: "m@1",
  inputTokens: null,
  outputTokens: null,
  costMicros: 0,
});

test("a call is counted with whom it went to", () => {
  expect(spendingOf([answer()])).toEqual({
    provider: "fake",
    model: "fake-vision",
    inputTokens: 800,
    outputTokens: 40,
    costMicros: 900,
  });
});

test("answers from a cache, and of a call that another request made, cost nothing", () => {
  const free = [
    answer({ source: "memory" }),
    answer({ source: "alias" }),
    answer({ collapsed: true }),
  ];
  expect(spendingOf(free)).toEqual(NOTHING_SPENT);
  expect(spendingOf([])).toEqual(NOTHING_SPENT);
});

test("several calls add up, and are named where all went to the same", () => {
  expect(spendingOf([answer(), answer()])).toMatchObject({ provider: "fake", costMicros: 1_800 });
  const mixed = spendingOf([answer(), answer({ classification: unnamed })]);
  expect(mixed).toMatchObject({ provider: null, model: null, inputTokens: 800, costMicros: 900 });
});

test("tokens that nobody counted stay unknown", () => {
  const local = spendingOf([answer({ classification: unnamed })]);
  expect(local).toEqual({ ...NOTHING_SPENT, model: "m@1" });
});
