import { expect, test } from "bun:test";
import { newDigest } from "../../test/support/results.ts";
import type { Digest } from "../classification/identity.ts";
import type { Invalidation, LoggedInvalidation } from "../classification/ports/invalidations.ts";
import { createInvalidationPoller } from "./create-invalidation-poller.ts";
import { MAX_PAGES, PAGE_ROWS } from "./follow-log.ts";

const MINUTE = 60_000;
const UNAVAILABLE = { ok: false, reason: "unavailable", detail: "down" } as const;

/** A log in an array, and tiers that note what they are told. */
function openPoller({ withShared = false } = {}) {
  const state = {
    now: 100 * MINUTE,
    isDown: false,
    isSharedDown: false,
    isSharedFull: false,
    clears: 0,
  };
  const rows: LoggedInvalidation[] = [];
  const memory: Digest[] = [];
  const shared: Digest[] = [];
  const discarded: Digest[] = [];
  const { poll, isSharedTierInformed } = createInvalidationPoller({
    log: {
      read: async (afterId, limit) =>
        state.isDown
          ? UNAVAILABLE
          : { ok: true, value: rows.filter(({ id }) => id > afterId).slice(0, limit) },
      lastId: async (before) =>
        state.isDown
          ? UNAVAILABLE
          : {
              ok: true,
              value:
                (rows.find((row) => row.before >= before)?.id ?? (rows.at(-1)?.id ?? 0) + 1) - 1,
            },
    },
    memory: {
      invalidate: ({ digest }) => void memory.push(digest),
      clear: () => void state.clears++,
    },
    upgrades: {
      discard({ digest }) {
        discarded.push(digest);
        return 1;
      },
    },
    sharedTier: withShared
      ? {
          async invalidate(invalidations) {
            const isTold = !state.isSharedDown && !state.isSharedFull;
            if (isTold) shared.push(...invalidations.map(({ digest }) => digest));
            return isTold;
          },
          isAvailable: () => !state.isSharedDown,
        }
      : null,
    clock: () => state.now,
  });
  function announce(changes: Partial<Invalidation> = {}): Digest {
    const digest = newDigest();
    const id = (rows.at(-1)?.id ?? 0) + 1;
    rows.push({ id, kind: "purged", digest, before: state.now, ...changes });
    return digest;
  }
  return { state, rows, memory, shared, discarded, poll, isSharedTierInformed, announce };
}

test("applies what is announced after its start, and what was shortly before", async () => {
  const { state, memory, poll, announce } = openPoller();
  announce({ before: state.now - 2 * MINUTE });
  const recent = announce({ before: state.now - MINUTE / 2 });
  await poll();
  expect(memory).toEqual([recent]);
  const next = announce();
  await poll();
  await poll();
  expect(memory).toEqual([recent, next]);
});

test("deletes the pictures of what was purged", async () => {
  const { discarded, poll, announce } = openPoller();
  await poll();
  announce({ kind: "replaced" });
  const purged = announce();
  await poll();
  expect(discarded).toEqual([purged]);
});

test("goes on while the database is down, and catches up after", async () => {
  const { state, memory, poll, announce } = openPoller();
  state.isDown = true;
  await poll();
  state.isDown = false;
  await poll();
  expect(state.clears).toBe(1);
  state.isDown = true;
  const missed = [announce(), announce()];
  await poll();
  expect(memory).toEqual([]);
  state.isDown = false;
  await poll();
  expect(memory).toEqual(missed);
  expect(state.clears).toBe(1);
});

test("drops the memory when the log may have been trimmed past its position", async () => {
  const { state, poll } = openPoller();
  await poll();
  state.isDown = true;
  await poll();
  state.now += 31 * MINUTE;
  await poll();
  expect(state.clears).toBe(1);
  state.isDown = false;
  await poll();
  expect(state.clears).toBe(2);
  await poll();
  expect(state.clears).toBe(2);
});

test("drops the memory rather than catch up with more than it can, and tells the shared tier all", async () => {
  const { state, rows, memory, shared, poll, announce } = openPoller({ withShared: true });
  await poll();
  for (let count = 0; count < PAGE_ROWS * MAX_PAGES + 5; count++) announce();
  state.now += 2 * MINUTE;
  await poll();
  expect(state.clears).toBe(2);
  const told = memory.length;
  const next = announce();
  await poll();
  expect(memory.slice(told)).toEqual([next]);
  expect(shared).toEqual(rows.map(({ digest }) => digest));
});

test("tells the shared tier again until it answers, also after a restart", async () => {
  const { state, memory, shared, poll, announce } = openPoller({ withShared: true });
  const old = announce({ before: state.now - 50 * MINUTE });
  state.isSharedDown = true;
  await poll();
  const next = announce();
  await poll();
  expect([memory, shared]).toEqual([[next], []]);
  state.isSharedDown = false;
  await poll();
  expect(shared).toEqual([old, next]);
  await poll();
  expect(shared).toEqual([old, next]);
});

test("tells the shared tier all once more when it comes back, as it may have lost what it knew", async () => {
  const { state, shared, poll, announce } = openPoller({ withShared: true });
  const before = announce();
  await poll();
  state.isSharedDown = true;
  const meanwhile = announce();
  await poll();
  state.isSharedDown = false;
  await poll();
  await poll();
  expect(shared).toEqual([before, before, meanwhile]);
});

test("after a long loss the shared tier is not read before it has been told what went meanwhile", async () => {
  const { state, shared, poll, isSharedTierInformed, announce } = openPoller({ withShared: true });
  await poll();
  state.isSharedDown = true;
  await poll();
  const purged = announce();
  state.now += MINUTE / 2;
  expect(isSharedTierInformed()).toBe(false);
  state.isSharedDown = false;
  expect(isSharedTierInformed()).toBe(false);
  state.isDown = true;
  await poll();
  expect(isSharedTierInformed()).toBe(false);
  state.isDown = false;
  await poll();
  expect(isSharedTierInformed()).toBe(true);
  expect(shared).toEqual([purged]);
});

test("a short loss of the shared tier keeps nobody from it, also without a log", async () => {
  const { state, poll, isSharedTierInformed } = openPoller({ withShared: true });
  await poll();
  state.isDown = true;
  state.isSharedDown = true;
  await poll();
  state.now += MINUTE / 4;
  await poll();
  state.isSharedDown = false;
  await poll();
  state.now += MINUTE;
  await poll();
  expect(isSharedTierInformed()).toBe(true);
});

test("a shared tier that answers but takes no invalidations is not read after a while", async () => {
  const { state, poll, isSharedTierInformed, announce } = openPoller({ withShared: true });
  await poll();
  state.isSharedFull = true;
  announce();
  await poll();
  expect(isSharedTierInformed()).toBe(true);
  state.now += MINUTE / 2;
  await poll();
  expect(isSharedTierInformed()).toBe(false);
  state.isSharedFull = false;
  await poll();
  expect(isSharedTierInformed()).toBe(true);
});
