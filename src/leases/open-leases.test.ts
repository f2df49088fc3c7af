import { expect, test } from "bun:test";
import { waitFor } from "../../test/support/wait-for.ts";
import type { Lease, LeaseLedger } from "../classification/ports/leases.ts";
import { openSqliteStore } from "../storage/sqlite/open-sqlite-store.ts";
import { createFallbackLeases } from "./create-fallback-leases.ts";
import { openLeases, type LeasesOptions } from "./open-leases.ts";

const TTL_MS = 200;
const DOWN = () => Promise.reject(new Error("the ledger is down"));

/** Leases in a ledger of which some methods are replaced. */
async function openWith(
  changes: Partial<LeaseLedger> = {},
  { isAvailable = () => true, ttlMs = TTL_MS }: Partial<LeasesOptions> = {},
) {
  const store = openSqliteStore({ file: ":memory:" });
  await store.migrate();
  const leases = openLeases({
    ledger: { ...store.leases, ...changes },
    ttlMs,
    isAvailable,
  });
  return { ledger: store.leases, leases };
}

const leaseOf = (outcome: { ok: boolean; value?: Lease | null }) => outcome.value!;

test("a lease whose renewals fail is lost when its time is over", async () => {
  let attempts = 0;
  const renew = () => (attempts++, DOWN());
  const { leases } = await openWith({ renew });
  const lease = leaseOf(await leases.acquire("work"));
  await waitFor("the loss", () => lease.lost.aborted);
  expect(attempts).toBeGreaterThan(0);
  await lease.release();
});

test("a lease whose renewals are never answered is lost, too", async () => {
  const { leases } = await openWith({ renew: () => new Promise(() => {}) });
  const lease = leaseOf(await leases.acquire("work"));
  await waitFor("the loss", () => lease.lost.aborted);
});

test("one renewal that fails loses nothing", async () => {
  const answers: boolean[] = [];
  const everySecond: Partial<LeaseLedger> = {
    async renew(...args) {
      if (answers.push(true) % 2 === 1) return DOWN();
      return ledger.renew(...args);
    },
  };
  // Long enough for a busy machine not to lose it by chance.
  const { ledger, leases } = await openWith(everySecond, { ttlMs: 900 });
  const lease = leaseOf(await leases.acquire("work"));
  await waitFor("twice its time", () => answers.length > 6 || lease.lost.aborted);
  expect(lease.lost.aborted).toBe(false);
  await leases.close();
});

test("a ledger that is known to be down is not asked", async () => {
  let asked = 0;
  const { leases } = await openWith(
    { take: () => (asked++, DOWN()) },
    {
      isAvailable: () => false,
    },
  );
  expect(await leases.acquire("work")).toMatchObject({ ok: false, reason: "unavailable" });
  expect(asked).toBe(0);
});

test("what was taken although the answer got lost is released", async () => {
  const { ledger, leases } = await openWith({
    async take(...args) {
      await ledger.take(...args);
      return DOWN();
    },
  });
  const outcome = await leases.acquire("work");
  expect(outcome).toMatchObject({ ok: false, detail: "the ledger is down" });
  await waitFor("the release", () => ledger.take("work", "next", TTL_MS));
});

test("a release that fails rejects nobody", async () => {
  const { leases } = await openWith({ release: DOWN });
  await leaseOf(await leases.acquire("work")).release();
  await leases.acquire("other work");
  await leases.close();
});

test("the second source is asked while the first one is down, and only then", async () => {
  const state = { isUp: true };
  const first = await openWith({}, { isAvailable: () => state.isUp });
  const second = await openWith();
  const leases = createFallbackLeases(first.leases, second.leases);
  const held = leaseOf(await leases.acquire("work"));
  expect(await leases.acquire("work")).toEqual({ ok: true, value: null });
  state.isUp = false;
  expect(leaseOf(await leases.acquire("work"))).not.toBeNull();
  expect(await leases.acquire("work")).toEqual({ ok: true, value: null });
  expect(await second.leases.acquire("work")).toEqual({ ok: true, value: null });
  await Promise.all([held.release(), first.leases.close(), second.leases.close()]);
});
