import { expect, test } from "bun:test";
import type { Judgement } from "./check-model.ts";
import { renderJudgements } from "./render-judgements.ts";

function judged(truth: string, category: string | null, confidence: number, latencyMs = 5) {
  return { truth, category, confidence, latencyMs } satisfies Judgement;
}

test("counts what is right per category, over all, and where the model is sure", () => {
  const text = renderJudgements(
    [
      judged("foods", "foods", 0.9),
      judged("foods", "pets", 0.4),
      judged("pets", "pets", 0.8),
      judged("pets", "pets", 0.6, 40),
      judged("other", null, 0),
    ],
    0.7,
  );
  expect(text.split("\n")).toEqual([
    "category  pictures  precision  recall",
    "foods     2         100.0 %    50.0 %",
    "other     1         -          0.0 %",
    "pets      2         66.7 %     100.0 %",
    "",
    "top-1: 60.0 % of 5 pictures",
    "not unsure (confidence from 0.7): 40.0 % of them, right in 100.0 %",
    "without an answer: 1",
    "time a picture, with decoding: p50 5.0 ms, p95 40.0 ms",
    "",
  ]);
});

test("has no precision where nothing was called so", () => {
  expect(renderJudgements([judged("foods", "pets", 0.1)], 0.5)).toContain("right in -");
});
