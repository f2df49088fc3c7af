import { expect, test } from "bun:test";
import { callerOf, newDigest, newResult } from "../../test/support/results.ts";
import type { AliasClaim } from "../classification/alias.ts";
import type { PictureHash } from "../classification/picture-hash.ts";
import type { StoredResult } from "../classification/result.ts";
import { openJournal } from "./journal.ts";
import { createResultSink } from "./result-sink.ts";

const UNAVAILABLE = { ok: false, reason: "unavailable", detail: "down" } as const;
const live = new AbortController().signal;

/** A store that notes every write; `fails` says which ones do not arrive. */
function openSink({ maxEntries = 1_000 } = {}) {
  const state = { isDown: false, failClaims: false, batches: [] as number[] };
  const rows = new Map<string, StoredResult>();
  const claims: AliasClaim[] = [];
  const journal = openJournal({ file: ":memory:", maxEntries });
  const lost: unknown[] = [];
  const sink = createResultSink({
    journal,
    aliasPolicy: { quorum: 2, maxDistance: 6 },
    onLost: (entries) => lost.push(...entries),
    store: {
      isAvailable: () => !state.isDown,
      async saveResults(results) {
        await Promise.resolve();
        if (state.isDown) return UNAVAILABLE;
        state.batches.push(results.length);
        for (const result of results) rows.set(result.digest, result);
        return { ok: true, value: undefined };
      },
      async recordClaim(claim) {
        if (state.isDown || state.failClaims) return UNAVAILABLE;
        claims.push(claim);
        return { ok: true, value: "first" };
      },
    },
  });
  return { sink, state, rows, claims, journal, lost };
}

const newClaim = (result = newResult()): AliasClaim => ({
  profileId: result.profileId,
  alias: newDigest(),
  caller: callerOf("ann"),
  digest: result.digest,
  pictureHash: "0000000000000000" as PictureHash,
  claimedAt: 1_800_000_000_000,
});

test("results that come in together go in one write, those that come meanwhile in the next", async () => {
  const { sink, state, rows } = openSink();
  const together = Array.from({ length: 30 }, () => sink.saveResult(newResult()));
  await Promise.resolve();
  await Promise.resolve();
  const meanwhile = Array.from({ length: 5 }, () => sink.saveResult(newResult()));
  expect(new Set(await Promise.all([...together, ...meanwhile]))).toEqual(new Set(["stored"]));
  expect(state.batches).toEqual([30, 5]);
  expect(rows.size).toBe(35);
});

test("one write has at most a hundred results", async () => {
  const { sink, state } = openSink();
  await Promise.all(Array.from({ length: 250 }, () => sink.saveResult(newResult())));
  expect(state.batches).toEqual([100, 100, 50]);
});

test("a result is journaled while the database is down and written when it is back", async () => {
  const { sink, state, rows, journal } = openSink();
  state.isDown = true;
  const results = Array.from({ length: 130 }, () => newResult());
  const outcomes = await Promise.all(results.map((result) => sink.saveResult(result)));
  expect(new Set(outcomes)).toEqual(new Set(["journaled"]));
  expect(await sink.replay(live)).toBe(0);
  expect(journal.count()).toBe(130);

  state.isDown = false;
  expect(await sink.replay(live)).toBe(130);
  expect(journal.count()).toBe(0);
  expect([...rows.values()]).toEqual(results);
});

test("a claim waits in the journal without a verdict, and comes after the result it points to", async () => {
  const { sink, state, claims, rows } = openSink();
  state.isDown = true;
  const result = newResult();
  const claim = newClaim(result);
  expect(await sink.recordClaim(claim)).toBeNull();
  await sink.saveResult(result);
  state.isDown = false;
  expect(await sink.replay(live)).toBe(2);
  expect(claims).toEqual([claim]);
  expect(rows.has(result.digest)).toBe(true);
});

test("a claim that the database takes at once has its verdict", async () => {
  const { sink, journal } = openSink();
  expect(await sink.recordClaim(newClaim())).toBe("first");
  expect(journal.count()).toBe(0);
});

test("a replay keeps what the database refuses, and writes the rest", async () => {
  const { sink, state, rows, claims, journal } = openSink();
  state.isDown = true;
  await sink.saveResult(newResult());
  await sink.recordClaim(newClaim());
  state.isDown = false;
  state.failClaims = true;
  expect(await sink.replay(live)).toBe(1);
  expect(journal.count()).toBe(1);
  state.failClaims = false;
  expect(await sink.replay(live)).toBe(1);
  expect([rows.size, claims.length, journal.count()]).toEqual([1, 1, 0]);
});

test("a replay stops when it is told to", async () => {
  const { sink, state, journal } = openSink();
  state.isDown = true;
  await sink.saveResult(newResult());
  state.isDown = false;
  expect(await sink.replay(AbortSignal.abort())).toBe(0);
  expect(journal.count()).toBe(1);
});

test("what neither the database nor the journal takes is reported as lost, and only that", async () => {
  const { sink, state, lost } = openSink({ maxEntries: 1 });
  state.isDown = true;
  const kept = newResult();
  expect(await sink.saveResult(kept)).toBe("journaled");
  const result = newResult();
  expect(await sink.saveResult(result)).toBe("lost");
  const claim = newClaim();
  expect(await sink.recordClaim(claim)).toBeNull();
  expect(lost).toEqual([
    { kind: "result", result },
    { kind: "claim", claim },
  ]);
});

test("settle waits for every save that was begun", async () => {
  const { sink, rows } = openSink();
  const saving = Array.from({ length: 150 }, () => sink.saveResult(newResult()));
  await sink.settle();
  expect(rows.size).toBe(150);
  await Promise.all(saving);
  await sink.settle();
});
