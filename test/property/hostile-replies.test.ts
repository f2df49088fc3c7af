import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { DEFAULT_PROFILE } from "../../src/classification/profile.ts";
import { parseReply, parseUsage } from "../../src/llm/parse-reply.ts";

const KEYS = DEFAULT_PROFILE.categories.map(({ key }) => key);

/** Replies that come ever nearer to a good one: anything, any JSON, the right fields with odd values. */
const content = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.json(),
  fc
    .record({
      category: fc.oneof(fc.constantFrom(...KEYS), fc.string(), fc.jsonValue()),
      confidence: fc.oneof(fc.float({ min: 0, max: 1, noNaN: true }), fc.double(), fc.string()),
      description: fc.oneof(fc.string({ unit: "binary", maxLength: 400 }), fc.jsonValue()),
    })
    .map((fields) => JSON.stringify(fields)),
);

const completion = fc.oneof(
  { weight: 1, arbitrary: fc.anything() },
  {
    weight: 4,
    arbitrary: fc.record({
      choices: fc.tuple(
        fc.record({
          message: fc.record({ content }),
          finish_reason: fc.constantFrom("stop", "length", "content_filter", null),
        }),
      ),
      usage: fc.oneof(
        fc.anything(),
        fc.record({ prompt_tokens: fc.integer(), completion_tokens: fc.integer() }),
      ),
    }),
  },
);

test("whatever a provider replies is a clean answer of the profile or a named failure", () => {
  let answers = 0;
  fc.assert(
    fc.property(completion, (reply) => {
      const outcome = parseReply(reply, DEFAULT_PROFILE);
      if (!outcome.ok) {
        expect(["malformed_output", "refused"]).toContain(outcome.failure.reason);
        return;
      }
      answers++;
      const { category, confidence, description } = outcome.value;
      expect(KEYS).toContain(category);
      expect(confidence >= 0 && confidence <= 1).toBe(true);
      expect(Array.from(description).length).toBeLessThanOrEqual(200);
      expect(description).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
      expect(description.isWellFormed()).toBe(true);
    }),
    { numRuns: 2_000 },
  );
  expect(answers).toBeGreaterThan(10);
});

test("whatever it says of tokens is a whole number of them, or nothing", () => {
  fc.assert(
    fc.property(completion, (reply) => {
      const { inputTokens = 0, outputTokens = 0 } = parseUsage(reply) ?? {};
      expect(Number.isSafeInteger(inputTokens) && inputTokens >= 0).toBe(true);
      expect(Number.isSafeInteger(outputTokens) && outputTokens >= 0).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});
