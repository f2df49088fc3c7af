import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { behaviours } from "../support/fake-provider.ts";
import { openHarness, sha256 } from "../support/harness.ts";
import { drawPhoto } from "../support/pictures.ts";
import { waitFor } from "../support/wait-for.ts";

/** For many runs on a busy machine. */
const TIMEOUT_MS = 60_000;
const MODEL_MS = 150;

test(
  "callers who disconnect, first ones included, do not fail those who wait for the same photo",
  async () => {
    await using harness = await openHarness({ provider: behaviours.slow(MODEL_MS) });
    let seed = 1_000;
    const callers = fc.array(fc.boolean(), { minLength: 2, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(callers, async (stays) => {
        const photo = await drawPhoto({ seed: seed++, width: 64, height: 48 });
        const before = { ...harness.provider.calls };
        const hangUp = new AbortController();
        const answering = stays.map((stay) => {
          const init = { method: "POST", headers: { "Content-Type": "image/jpeg" }, body: photo };
          return harness.call("/api/v1/classify", stay ? init : { ...init, signal: hangUp.signal });
        });
        const settling = Promise.allSettled(answering);
        await waitFor("the model call", () => harness.provider.calls.count > before.count);
        hangUp.abort();
        const outcomes = await settling;

        for (const [index, stay] of stays.entries()) {
          const outcome = outcomes[index]!;
          expect(outcome.status).toBe(stay ? "fulfilled" : "rejected");
          if (outcome.status === "fulfilled") expect(outcome.value.status).toBe(200);
        }
        // What was begun is paid for: it is finished and kept, even when nobody waits any more.
        await waitFor("the result", async () => {
          return (await harness.checkCache(sha256(photo))).body.cached as boolean;
        });
        expect(harness.provider.calls.count).toBe(before.count + 1);
        expect(harness.provider.calls.aborted).toBe(0);
      }),
      { numRuns: 12, examples: [[[false, false]], [[false, true]], [[true, false]]] },
    );
  },
  TIMEOUT_MS,
);
