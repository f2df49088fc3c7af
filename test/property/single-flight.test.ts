import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { identify } from "../../src/classification/identity.ts";
import {
  callerOf,
  categoryOf,
  createLocalModel,
  newDigest,
  openDomain,
  petsWith,
  photo,
} from "../support/domain.ts";

/** For many runs on a busy machine. */
const TIMEOUT_MS = 30_000;
const FAMILIES = 2;
const COPIES = 2;
const aliases = [
  newDigest(),
  newDigest(),
  identify(photo(0, 0)).digest,
  identify(photo(1, 1)).digest,
];

const uploads = fc.array(
  fc.record({
    family: fc.nat(FAMILIES - 1),
    copy: fc.nat(COPIES - 1),
    caller: fc.nat(3),
    claimed: fc.option(fc.nat(aliases.length - 1)),
  }),
  { minLength: 1, maxLength: 12 },
);
/** Down to one entry: then only the database remembers what was answered. */
const memoryEntries = fc.constantFrom(1, 2, 100);

test(
  "a photo costs one model call under any interleaving of uploads and slow tiers",
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        uploads,
        memoryEntries,
        async (scheduler, uploads, entries) => {
          const pause = (step: string) => scheduler.schedule(Promise.resolve(), step);
          await using domain = await openDomain({ pause, maxMemoryEntries: entries });
          const answering = uploads.map(async ({ family, copy, caller, claimed }, index) => {
            await pause(`upload ${index} arrives`);
            const alias = claimed === null ? null : aliases[claimed]!;
            return domain.upload(photo(family, copy), callerOf(`${caller}`), alias);
          });
          const answers = await scheduler.waitFor(Promise.all(answering));

          for (const calls of domain.model.calls.values()) expect(calls).toBe(1);
          for (const [index, { classification, source, collapsed }] of answers.entries()) {
            expect(classification.category).toBe(categoryOf(uploads[index]!.family));
            if (collapsed) expect(source).toBe("model");
          }
          const fresh = answers.filter(({ source, collapsed }) => source === "model" && !collapsed);
          expect(fresh.length).toBeLessThanOrEqual(domain.model.calls.size);
        },
      ),
      { numRuns: 100 },
    );
  },
  TIMEOUT_MS,
);

test(
  "whoever waits for a photo gets the same answer, also when the models fail at first",
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.integer({ min: 2, max: 10 }),
        async (scheduler, count) => {
          const pause = (step: string) => scheduler.schedule(Promise.resolve(), step);
          await using domain = await openDomain({
            pause,
            localModel: createLocalModel(petsWith(0.9)),
          });
          domain.model.failure = "server_error";
          const upload = async () => {
            await pause("upload arrives");
            return domain.upload(photo(0), callerOf("ann"));
          };
          const answers = await scheduler.waitFor(
            Promise.all(Array.from({ length: count }, upload)),
          );
          expect(domain.model.calls.get("0/0")).toBe(1);
          expect(new Set(answers.map(({ classification }) => classification.category)).size).toBe(
            1,
          );
          expect(domain.upgrades.size).toBe(1);
        },
      ),
      { numRuns: 30 },
    );
  },
  TIMEOUT_MS,
);
