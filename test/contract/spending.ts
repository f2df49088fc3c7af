import { describe, expect, test } from "bun:test";
import type { SpendingLedger } from "../../src/classification/spending.ts";

const NO_LIMITS = { calls: null, costMicros: null };
let minted = 0;
/** A day of the test's own, ten characters as every date. */
const newDay = () => `${process.pid % 10_000}-${minted++}`.padStart(10, "x");

/** What every SpendingLedger must do, whatever the dialect. */
export function describeSpending(open: () => SpendingLedger): void {
  describe("spending", () => {
    test("of a day without calls is nothing", async () => {
      expect(await open().read(newDay())).toEqual({ calls: 0, costMicros: 0 });
    });

    test("adds up per day", async () => {
      const [day, other] = [newDay(), newDay()];
      const ledger = open();
      for (const cost of [5, 0, 2_000_000_000]) {
        expect(await ledger.reserve(day, cost, NO_LIMITS)).toBe(true);
      }
      await ledger.reserve(other, 7, NO_LIMITS);
      expect(await ledger.read(day)).toEqual({ calls: 3, costMicros: 2_000_000_005 });
      expect(await ledger.read(other)).toEqual({ calls: 1, costMicros: 7 });
    });

    test("ends with the calls, and goes on when one is given back", async () => {
      const day = newDay();
      const ledger = open();
      const limits = { calls: 2, costMicros: null };
      const reserve = () => ledger.reserve(day, 3, limits);
      expect([await reserve(), await reserve(), await reserve()]).toEqual([true, true, false]);
      await ledger.adjust(day, { calls: -1, costMicros: -3 });
      expect([await reserve(), await reserve()]).toEqual([true, false]);
      expect(await ledger.read(day)).toEqual({ calls: 2, costMicros: 6 });
    });

    test("never exceeds the money, and ends with it for calls that cost nothing", async () => {
      const day = newDay();
      const ledger = open();
      const limits = { calls: null, costMicros: 10 };
      expect(await ledger.reserve(day, 11, limits)).toBe(false);
      expect(await ledger.reserve(day, 6, limits)).toBe(true);
      expect(await ledger.reserve(day, 6, limits)).toBe(false);
      expect(await ledger.reserve(day, 4, limits)).toBe(true);
      expect(await ledger.reserve(day, 0, limits)).toBe(false);
      expect((await ledger.read(day)).costMicros).toBe(10);
    });

    test("counts no call twice and loses none, however many ask at once", async () => {
      const day = newDay();
      const ledger = open();
      const limits = { calls: 20, costMicros: null };
      const granted = await Promise.all(
        Array.from({ length: 60 }, () => ledger.reserve(day, 2, limits)),
      );
      expect(granted.filter(Boolean)).toHaveLength(20);
      expect(await ledger.read(day)).toEqual({ calls: 20, costMicros: 40 });
    });
  });
}
