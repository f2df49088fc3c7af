import { describe, expect, test } from "bun:test";
import type { Digest } from "../../src/classification/identity.ts";
import {
  type Invalidation,
  type InvalidationLog,
  PURGES_KEPT_MS,
} from "../../src/classification/ports/invalidations.ts";
import { newDigest } from "../support/results.ts";

const NOW = 1_800_000_000_000;
const EVER = Number.MAX_SAFE_INTEGER;

const newInvalidation = (changes: Partial<Invalidation> = {}): Invalidation => ({
  kind: "replaced",
  digest: newDigest(),
  before: NOW,
  ...changes,
});

/** What every InvalidationLog must do, whatever the dialect. */
export function describeInvalidations(open: () => InvalidationLog): void {
  const digestsAfter = async (id: number) =>
    (await open().read(id, 10_000)).map(({ digest }) => digest);

  describe("invalidations", () => {
    test("come back whole, in the order in which they were announced", async () => {
      const log = open();
      const last = await log.lastId(EVER);
      const announced = (["purged", "replaced", "alias_disputed"] as const).map((kind, index) =>
        newInvalidation({ kind, before: NOW + index }),
      );
      await log.announce(announced.slice(0, 1));
      await log.announce(announced.slice(1));
      const read = await log.read(last, 10);
      expect(read).toMatchObject(announced);
      const ids = read.map(({ id }) => id);
      expect(ids).toEqual(ids.toSorted((a, b) => a - b));
      expect(ids[0]!).toBeGreaterThan(last);
      expect(await log.lastId(EVER)).toBe(ids.at(-1)!);
    });

    test("are read in pages", async () => {
      const log = open();
      const last = await log.lastId(EVER);
      const announced = Array.from({ length: 450 }, () => newInvalidation());
      await log.announce(announced);
      const digests: Digest[] = [];
      for (let cursor = last; ;) {
        const page = await log.read(cursor, 200);
        digests.push(...page.map(({ digest }) => digest));
        if (page.length < 200) break;
        cursor = page.at(-1)!.id;
      }
      expect(digests).toEqual(announced.map(({ digest }) => digest));
    });

    test("are found by when they were announced", async () => {
      const log = open();
      const early = newInvalidation({ before: NOW + 10_000 });
      const late = newInvalidation({ before: NOW + 20_000 });
      await log.announce([early, late]);
      const last = await log.lastId(NOW + 20_000);
      expect((await digestsAfter(last - 1))[0]).toBe(early.digest);
      expect(await digestsAfter(last)).toEqual([late.digest]);
      expect(await digestsAfter(await log.lastId(0))).toContain(early.digest);
    });

    test("of nothing take an empty list", async () => {
      const last = await open().lastId(EVER);
      await open().announce([]);
      expect(await digestsAfter(last)).toEqual([]);
    });

    test("are trimmed in bounded batches, purges later", async () => {
      const log = open();
      while ((await log.trim(EVER, 1_000)) > 0);
      const old = Array.from({ length: 5 }, (_, index) => newInvalidation({ before: NOW + index }));
      const purge = newInvalidation({ kind: "purged" });
      const fresh = newInvalidation({ before: NOW + 100 });
      await log.announce([...old, purge, fresh]);
      expect(await log.trim(NOW + 100, 3)).toBe(3);
      expect(await log.trim(NOW + 100, 3)).toBe(2);
      expect(await log.trim(NOW + 100, 3)).toBe(0);
      expect(await digestsAfter(0)).toEqual([purge.digest, fresh.digest]);
      expect(await log.trim(NOW + PURGES_KEPT_MS, 3)).toBe(1);
      expect(await log.trim(NOW + PURGES_KEPT_MS + 1, 3)).toBe(1);
      expect(await digestsAfter(0)).toEqual([]);
    });

    test("announced by many at once are all there", async () => {
      const log = open();
      const last = await log.lastId(EVER);
      const announced = Array.from({ length: 40 }, () => newInvalidation());
      await Promise.all(announced.map((one) => log.announce([one])));
      const digests = await digestsAfter(last);
      expect(digests.toSorted()).toEqual(announced.map(({ digest }) => digest).toSorted());
    });
  });
}
