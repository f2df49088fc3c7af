import { expect, test } from "bun:test";
import {
  newDigest,
  newResult,
  openDatabase,
  openDomain,
  START,
} from "../../test/support/domain.ts";
import { openLeases } from "../leases/open-leases.ts";
import { createTakeTurn } from "./take-turn.ts";

const DEADLINE_AT = START + 10_000;
const RESERVE_MS = 2_000;

/** A process that waits for its turn in a time of its own, beside others that share its database. */
async function openWaiter(meanwhile: (pauses: number) => unknown = () => {}) {
  const database = await openDatabase();
  const domain = await openDomain({ database });
  const state = { isAvailable: true };
  const open = () =>
    openLeases({
      ledger: database.leases,
      ttlMs: 60_000,
      isAvailable: () => state.isAvailable,
    });
  const [own, other] = [open(), open()];
  const pauses: number[] = [];
  const takeTurn = createTakeTurn({
    leases: own,
    lookup: domain.lookup,
    profileId: domain.keeping.profileId,
    reserveMs: RESERVE_MS,
    telemetry: domain.notes.telemetry,
    async pause(ms) {
      domain.time.now += ms;
      await meanwhile(pauses.push(ms));
    },
    random: () => 0.5,
    clock: () => domain.time.now,
  });
  const nameOf = (digest: string) => `classify:${domain.keeping.profileId}:${digest}`;
  return {
    ...domain,
    database,
    state,
    pauses,
    other,
    nameOf,
    takeTurn,
    async [Symbol.asyncDispose]() {
      await Promise.all([own.close(), other.close()]);
      await domain[Symbol.asyncDispose]();
      await database.close();
    },
  };
}

test("nobody else is at it: the turn comes at once", async () => {
  await using waiter = await openWaiter();
  const digest = newDigest();
  const turn = await waiter.takeTurn(digest, DEADLINE_AT);
  expect(turn.kind).toBe("own");
  expect(waiter.pauses).toEqual([]);
  expect(await waiter.other.acquire(waiter.nameOf(digest))).toEqual({ ok: true, value: null });
  expect(waiter.notes.of("turn own")).toBe(1);
});

test("what another process stored before this one had the lease is found", async () => {
  await using waiter = await openWaiter();
  const result = newResult();
  await waiter.database.saveResults([result]);
  const turn = await waiter.takeTurn(result.digest, DEADLINE_AT);
  expect(turn).toEqual({ kind: "found", found: { result, tier: "sql" } });
  const lease = await waiter.other.acquire(waiter.nameOf(result.digest));
  expect(lease).toMatchObject({ ok: true, value: { lost: { aborted: false } } });
});

test("whoever waits finds the result, also while its maker still has the lease", async () => {
  const result = newResult();
  await using waiter = await openWaiter((pauses) =>
    pauses === 3 ? waiter.database.saveResults([result]) : undefined,
  );
  await waiter.other.acquire(waiter.nameOf(result.digest));
  const turn = await waiter.takeTurn(result.digest, DEADLINE_AT);
  expect(turn).toEqual({ kind: "found", found: { result, tier: "sql" } });
  expect(waiter.pauses).toHaveLength(3);
});

test("an owner that has failed lets the next one in", async () => {
  await using waiter = await openWaiter((pauses) => (pauses === 2 ? held.release() : undefined));
  const digest = newDigest();
  const outcome = await waiter.other.acquire(waiter.nameOf(digest));
  const held = (outcome.ok && outcome.value) || expect.unreachable();
  expect((await waiter.takeTurn(digest, DEADLINE_AT)).kind).toBe("own");
});

test("the wait grows from 10 to 200 ms, and leaves time for a call of one's own", async () => {
  await using waiter = await openWaiter();
  const digest = newDigest();
  await waiter.other.acquire(waiter.nameOf(digest));
  expect((await waiter.takeTurn(digest, DEADLINE_AT)).kind).toBe("alone");
  const { pauses, time } = waiter;
  expect(pauses[0]).toBeLessThanOrEqual(10);
  expect(pauses.at(-1)).toBeLessThanOrEqual(200);
  expect(pauses).toEqual(pauses.toSorted((a, b) => a - b));
  expect(time.now).toBeLessThanOrEqual(DEADLINE_AT - RESERVE_MS);
  expect(time.now).toBeGreaterThan(DEADLINE_AT - RESERVE_MS - 200);
});

test("without leases it goes on alone, at once or in the middle of the wait", async () => {
  await using waiter = await openWaiter((pauses) => (waiter.state.isAvailable = pauses < 4));
  const digest = newDigest();
  await waiter.other.acquire(waiter.nameOf(digest));
  expect((await waiter.takeTurn(digest, DEADLINE_AT)).kind).toBe("alone");
  expect(waiter.pauses).toHaveLength(4);
  expect((await waiter.takeTurn(newDigest(), DEADLINE_AT)).kind).toBe("alone");
  expect(waiter.pauses).toHaveLength(4);
});

test("a database that cannot say counts as a miss", async () => {
  await using waiter = await openWaiter();
  waiter.outage.isDown = true;
  expect((await waiter.takeTurn(newDigest(), DEADLINE_AT)).kind).toBe("own");
});
