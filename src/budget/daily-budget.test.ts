import { afterEach, describe, expect, test } from "bun:test";

import type { CallSpending, SpendingLimits } from "../classification/spending.ts";
import { openSqliteStore, type SqliteStore } from "../storage/sqlite/open-sqlite-store.ts";
import { createCalendar } from "./calendar.ts";
import { createDailyBudget } from "./daily-budget.ts";

const NOON = Date.parse("2026-11-20T12:00:00Z");
const HALF_A_DAY_MS = 43_200_000;

let stores: SqliteStore[] = [];
afterEach(async () => {
  await Promise.all(stores.map((store) => store.close()));
  stores = [];
});

async function open(limits: Partial<SpendingLimits> = {}) {
  const store = openSqliteStore({ file: ":memory:" });
  stores.push(store);
  await store.migrate();
  const time = { now: NOON };
  const state = { isAvailable: true, refuses: false };
  const errors: unknown[] = [];
  const ledger: SqliteStore["spending"] = {
    ...store.spending,
    async reserve(...call) {
      if (state.refuses) throw new Error("down");
      return store.spending.reserve(...call);
    },
    async adjust(...call) {
      await store.spending.adjust(...call);
      if (state.refuses) throw new Error("no answer, but written");
    },
  };
  const budget = createDailyBudget({
    ledger,
    isLedgerAvailable: () => state.isAvailable,
    limits: { calls: null, costMicros: null, ...limits },
    dayOf: createCalendar("UTC"),
    onError: (error) => errors.push(error),
    clock: () => time.now,
  });
  const spend = async (estimate: number, spent: CallSpending) => {
    const reservation = await budget.reserve(estimate);
    reservation?.settle(spent);
    return reservation !== null;
  };
  const spent = async () => {
    await budget.refresh();
    return budget.status().spent;
  };
  return { budget, spend, spent, time, state, errors };
}

const sent = (costMicros: number) => ({ sent: true, costMicros });
const UNSENT = { sent: false, costMicros: 0 };

describe("a daily budget", () => {
  test("counts a call at its estimate until it is settled", async () => {
    const { budget, spent } = await open({ calls: 10 });
    const reservation = await budget.reserve(500);
    expect(await spent()).toEqual({ calls: 1, costMicros: 500 });
    reservation!.settle(sent(320));
    expect(await spent()).toEqual({ calls: 1, costMicros: 320 });
  });

  test("gives a call back that was never sent", async () => {
    const { spend, spent } = await open({ calls: 1 });
    expect(await spend(500, UNSENT)).toBe(true);
    expect(await spent()).toEqual({ calls: 0, costMicros: 0 });
    expect(await spend(500, sent(500))).toBe(true);
    expect(await spend(500, sent(500))).toBe(false);
  });

  test("says when it is used up", async () => {
    const { budget, spend, spent } = await open({ costMicros: 1_000 });
    await spend(600, sent(600));
    await spent();
    expect(budget.status().isExhausted).toBe(false);
    await spend(400, sent(400));
    await spent();
    expect(budget.status()).toMatchObject({ day: "2026-11-20", isExhausted: true });
  });

  test("begins anew at midnight, and books a call on the day that it was reserved on", async () => {
    const { budget, spend, spent, time } = await open({ calls: 1 });
    const late = await budget.reserve(100);
    expect(await spend(100, sent(100))).toBe(false);
    time.now += HALF_A_DAY_MS;
    expect(await spend(100, sent(70))).toBe(true);
    late!.settle(sent(90));
    expect(await spent()).toEqual({ calls: 1, costMicros: 70 });
    time.now -= HALF_A_DAY_MS;
    expect(await spent()).toEqual({ calls: 1, costMicros: 90 });
  });

  test("allows nothing without its database", async () => {
    const { spend, spent, state, errors } = await open({ calls: 10 });
    state.isAvailable = false;
    expect(await spend(1, sent(1))).toBe(false);
    expect(errors).toEqual([]);
    state.isAvailable = true;
    state.refuses = true;
    expect(await spend(1, sent(1))).toBe(false);
    expect(errors).toHaveLength(1);
    state.refuses = false;
    expect(await spent()).toEqual({ calls: 0, costMicros: 0 });
  });

  test("gives back at most once what the database may have written unheard", async () => {
    const { budget, spent, state } = await open({ calls: 10 });
    const reservations = [await budget.reserve(100), await budget.reserve(100)];
    state.refuses = true;
    reservations[0]!.settle(UNSENT);
    await budget.refresh();
    state.refuses = false;
    reservations[1]!.settle(sent(150));
    expect(await spent()).toEqual({ calls: 1, costMicros: 150 });
  });

  test("counts every concurrent call once", async () => {
    const { spend, spent } = await open({ calls: 25 });
    const granted = await Promise.all(Array.from({ length: 80 }, () => spend(10, sent(7))));
    expect(granted.filter(Boolean)).toHaveLength(25);
    expect(await spent()).toEqual({ calls: 25, costMicros: 175 });
  });
});
