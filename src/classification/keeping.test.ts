import { describe, expect, test } from "bun:test";
import { newResult } from "../../test/support/results.ts";
import type { Verdict } from "./classify-by-mode.ts";
import { identify } from "./identity.ts";
import { jitter, type KeepingPolicy, toServedResult, toStoredResult } from "./keeping.ts";
import type { PictureHash } from "./picture-hash.ts";
import { PROVISIONAL_TTL_MS } from "./result.ts";

const NOW = 1_800_000_000_000;
const DAY_MS = 86_400_000;
const IDENTITY = identify(new TextEncoder().encode("photo"));
const HASH = "00000000000000ff" as PictureHash;

function policy(changes: Partial<KeepingPolicy> = {}): KeepingPolicy {
  return { profileId: "p", localResults: "final", ttlMs: null, random: () => 0.5, ...changes };
}

function verdict({ confidence = 0.9, provisional = false } = {}): Verdict {
  return { classification: { ...newResult(), confidence }, provisional };
}

const keep = (made: Verdict, changes?: Partial<KeepingPolicy>) =>
  toStoredResult(made, IDENTITY, HASH, policy(changes), NOW);

describe("a verdict", () => {
  test("is kept for good where no lifetime is set", () => {
    const facts = { profileId: "p", pictureHash: HASH, createdAt: NOW, expiresAt: null };
    expect(keep(verdict())).toMatchObject({ ...facts, ...IDENTITY, provisional: false });
  });

  test("is kept for its lifetime, 10 % more or less", () => {
    expect(keep(verdict(), { ttlMs: DAY_MS })?.expiresAt).toBe(NOW + DAY_MS);
    expect(keep(verdict(), { ttlMs: 1000, random: () => 0 })?.expiresAt).toBe(NOW + 900);
    expect(keep(verdict(), { ttlMs: 1000, random: () => 0.999 })?.expiresAt).toBe(NOW + 1100);
    expect(Number.isInteger(keep(verdict(), { ttlMs: 7, random: () => 0.123 })?.expiresAt)).toBe(
      true,
    );
  });

  test("that is provisional is kept for an hour, whatever the lifetime", () => {
    const provisional = verdict({ provisional: true });
    for (const ttlMs of [null, DAY_MS, 1000]) {
      const kept = keep(provisional, { ttlMs });
      expect(kept).toMatchObject({ provisional: true, expiresAt: NOW + PROVISIONAL_TTL_MS });
    }
  });

  test.each([
    [0, false],
    [0.2999, false],
    [0.3, true],
    [1, true],
  ])("with confidence %p is kept: %p", (confidence, isKept) => {
    expect(keep(verdict({ confidence })) !== null).toBe(isKept);
  });
});

test("jitter stays within 10 % and uses all of it", () => {
  const lifetimes = Array.from({ length: 1_000 }, () => jitter(1_000, Math.random));
  expect(Math.min(...lifetimes)).toBeGreaterThanOrEqual(900);
  expect(Math.max(...lifetimes)).toBeLessThan(1_100);
  expect(Math.min(...lifetimes)).toBeLessThan(930);
  expect(Math.max(...lifetimes)).toBeGreaterThan(1_070);
});

describe("a kept result", () => {
  const localInference = { model: "tiny", version: "1", probabilities: { pets: 1 } };
  const local = newResult({ localInference, method: "local", createdAt: NOW });
  const serve = (result = local, changes: Partial<KeepingPolicy> = {}, now = NOW) =>
    toServedResult(result, policy(changes), now);

  test("of a language model is served in every mode, unchanged", () => {
    const result = newResult();
    for (const localResults of ["final", "provisional", "unwanted"] as const)
      expect(serve(result, { localResults })).toBe(result);
  });

  test("of the local model is final, provisional or not served, as the mode says", () => {
    expect(serve(local, { localResults: "final" })).toBe(local);
    expect(serve(local, { localResults: "unwanted" })).toBeNull();
    expect(serve(local, { localResults: "provisional" })).toEqual({
      ...local,
      provisional: true,
      expiresAt: NOW + PROVISIONAL_TTL_MS,
    });
  });

  test("of the local model that was final expires an hour after it was made", () => {
    const soon = NOW + PROVISIONAL_TTL_MS - 1;
    expect(serve(local, { localResults: "provisional" }, soon)).not.toBeNull();
    expect(serve(local, { localResults: "provisional" }, soon + 1)).toBeNull();
  });

  test("that expired is not served, to the millisecond", () => {
    const result = newResult({ expiresAt: NOW + 1 });
    expect(serve(result)).toBe(result);
    expect(serve(result, {}, NOW + 1)).toBeNull();
  });
});
