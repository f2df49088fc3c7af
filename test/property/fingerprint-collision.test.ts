import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { type Fingerprint, type Identify, identify } from "../../src/classification/identity.ts";
import { callerOf, categoryOf, openDomain, photo } from "../support/domain.ts";

/** For many runs on a busy machine. */
const TIMEOUT_MS = 30_000;
const FINGERPRINT = "00000000deadbeef" as Fingerprint;
const PHOTOS = 4;
/** What an attacker who can craft collisions makes of us: every photo has the same fingerprint. */
const identifyCollidingly: Identify = (bytes) => ({ ...identify(bytes), fingerprint: FINGERPRINT });

const step = fc.oneof(
  fc.record({ kind: fc.constant("upload" as const), family: fc.nat(PHOTOS - 1) }),
  fc.record({ kind: fc.constant("ask digest" as const), family: fc.nat(PHOTOS - 1) }),
  fc.record({ kind: fc.constant("ask fingerprint" as const) }),
  fc.record({ kind: fc.constant("wait" as const), ms: fc.constantFrom(1_000, 6_000, 70_000) }),
  fc.record({ kind: fc.constant("forget" as const) }),
);

test(
  "photos that share a fingerprint are never answered with each other's result",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        await using domain = await openDomain({ identify: identifyCollidingly });
        const caller = callerOf("ann");
        const known = new Set<number>();
        for (const next of steps) {
          switch (next.kind) {
            case "upload": {
              const { classification } = await domain.upload(photo(next.family), caller);
              expect(classification.category).toBe(categoryOf(next.family));
              known.add(next.family);
              break;
            }
            case "ask digest": {
              const { digest } = identify(photo(next.family));
              const { match } = await domain.ask(digest, caller);
              if (match) expect(match.result.category).toBe(categoryOf(next.family));
              if (match) expect(known.has(next.family)).toBe(true);
              break;
            }
            case "ask fingerprint": {
              const { match } = await domain.ask(FINGERPRINT, caller);
              if (match) expect([...known].map(categoryOf)).toEqual([match.result.category]);
              break;
            }
            case "wait":
              domain.time.now += next.ms;
              break;
            case "forget":
              domain.memory.clear();
              break;
          }
        }
        expect(domain.model.calls.size).toBe(known.size);
      }),
      { numRuns: 100 },
    );
  },
  TIMEOUT_MS,
);

test(
  "uploads that collide while both are examined do not share an examination",
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.nat(PHOTOS - 1), { minLength: 2, maxLength: 10 }),
        async (scheduler, families) => {
          const pause = (step: string) => scheduler.schedule(Promise.resolve(), step);
          await using domain = await openDomain({ identify: identifyCollidingly, pause });
          const answering = families.map((family) => domain.upload(photo(family), callerOf("ann")));
          const answers = await scheduler.waitFor(Promise.all(answering));
          const categories = answers.map(({ classification }) => classification.category);
          expect(categories).toEqual(families.map(categoryOf));
          expect(domain.model.calls.size).toBe(new Set(families).size);
        },
      ),
      { numRuns: 30 },
    );
  },
  TIMEOUT_MS,
);

test("a fingerprint that one photo has is answered", async () => {
  await using domain = await openDomain({ identify: identifyCollidingly });
  await domain.upload(photo(1), callerOf("ann"));
  const { match } = await domain.ask(FINGERPRINT, callerOf("ben"));
  expect(match).toMatchObject({ kind: "fingerprint", result: { category: categoryOf(1) } });
});
