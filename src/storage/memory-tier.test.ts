import { beforeEach, describe, expect, test } from "bun:test";
import type { CallerId } from "../classification/alias.ts";
import { type Digest, type Fingerprint, identify } from "../classification/identity.ts";
import type { PictureHash } from "../classification/picture-hash.ts";
import type { CacheMatch, MatchKind, StoredResult } from "../classification/result.ts";
import { createMemoryTier, type SizedMemoryTier } from "./memory-tier.ts";

const HOUR = 3_600_000;
const alice = "a".repeat(32) as CallerId;
const bob = "b".repeat(32) as CallerId;
const ALIAS = "e".repeat(64) as Digest;

let minted = 0;
function newResult(changes: Partial<StoredResult> = {}): StoredResult {
  return {
    ...identify(Buffer.from(`picture ${minted++}`)),
    profileId: "profile",
    pictureHash: "0".repeat(16) as PictureHash,
    category: "foods",
    confidence: 0.9,
    description: "noodles",
    method: "llm",
    provider: "openai",
    model: "gpt",
    localInference: null,
    inputTokens: null,
    outputTokens: null,
    costMicros: 0,
    provisional: false,
    createdAt: 0,
    expiresAt: null,
    ...changes,
  };
}

const byDigest = (result: StoredResult): CacheMatch => matchOf(result.digest, "digest", result);
const matchOf = (hash: Digest | Fingerprint, kind: MatchKind, result: StoredResult) => ({
  hash,
  kind,
  result,
});

describe("memory tier", () => {
  let now: number;
  let random: number;
  let tier: SizedMemoryTier;
  beforeEach(() => {
    now = 1_000_000;
    random = 0.5;
    const clock = () => now;
    tier = createMemoryTier({ maxEntries: 100, maxBytes: 1e6, clock, random: () => random });
  });

  test("answers a digest to everyone", () => {
    const result = newResult();
    tier.remember(byDigest(result), alice);
    expect(tier.get(result.digest, bob)).toEqual(byDigest(result));
    expect(tier.get(ALIAS, alice)).toBeNull();
  });

  test("answers a shared alias to everyone, and a claim to its caller alone", () => {
    const [shared, own] = [newResult(), newResult()];
    const other = "d".repeat(64) as Digest;
    tier.remember(matchOf(ALIAS, "shared_alias", shared), alice);
    tier.remember(matchOf(other, "own_alias", own), alice);
    expect(tier.get(ALIAS, bob)).toEqual(matchOf(ALIAS, "shared_alias", shared));
    expect(tier.get(other, alice)).toEqual(matchOf(other, "own_alias", own));
    expect(tier.get(other, bob)).toBeNull();
    expect(tier.get(own.digest, bob)).toEqual(byDigest(own));
  });

  test("forgets what is shared of an alias and keeps its callers' own claims", () => {
    tier.remember(matchOf(ALIAS, "shared_alias", newResult()), alice);
    tier.remember(matchOf(ALIAS, "own_alias", newResult()), alice);
    tier.invalidate({ kind: "alias_disputed", digest: ALIAS, before: now });
    expect(tier.get(ALIAS, alice)?.kind).toBe("own_alias");
    expect(tier.get(ALIAS, bob)).toBeNull();
  });

  test("drops what was purged under all its names, and accepts none of it for a minute", () => {
    const result = newResult({ createdAt: now - 1 });
    const pointer = matchOf(ALIAS, "own_alias", result);
    const lone = matchOf(result.fingerprint, "fingerprint", result);
    for (const match of [byDigest(result), pointer, lone]) tier.remember(match, alice);
    tier.invalidate({ kind: "purged", digest: result.digest, before: now });
    const names = [result.digest, ALIAS, result.fingerprint];
    const answers = () => names.map((name) => tier.get(name, alice));
    expect(answers()).toEqual([null, null, null]);
    now += 59_999;
    for (const match of [byDigest(result), pointer, lone]) {
      expect(tier.isVoid(match)).toBe(true);
      tier.remember(match, alice);
    }
    expect(answers()).toEqual([null, null, null]);
    now += 1;
    expect(tier.isVoid(byDigest(result))).toBe(false);
  });

  test("accepts what was made after the purge, but not for what pointed to the purged one", () => {
    const result = newResult({ createdAt: now - 1 });
    tier.remember(matchOf(ALIAS, "own_alias", result), alice);
    tier.invalidate({ kind: "purged", digest: result.digest, before: now });
    const fresh = { ...result, createdAt: now };
    tier.remember(byDigest(fresh), bob);
    expect(tier.get(result.digest, bob)).toEqual(byDigest(fresh));
    expect(tier.get(ALIAS, alice)).toBeNull();
  });

  test("leaves a result alone that is newer than what is replaced", () => {
    const result = newResult({ createdAt: now });
    tier.remember(byDigest(result), alice);
    tier.invalidate({ kind: "replaced", digest: result.digest, before: now });
    expect(tier.get(result.digest, alice)).toEqual(byDigest(result));
  });

  test("does not call a hash unknown that was so before its result was replaced", () => {
    const result = newResult({ createdAt: now - 1 });
    tier.rememberUnknown(result.digest, alice);
    tier.remember(byDigest(result), bob);
    tier.invalidate({ kind: "replaced", digest: result.digest, before: now });
    expect(tier.isUnknown(result.digest, alice)).toBe(false);
    tier.rememberUnknown(result.digest, bob);
    now += 1;
    expect(tier.isUnknown(result.digest, bob)).toBe(false);
    tier.rememberUnknown(result.digest, bob);
    expect(tier.isUnknown(result.digest, bob)).toBe(true);
  });

  test("does not share a disputed alias for a minute, whoever brings it", () => {
    const match = matchOf(ALIAS, "shared_alias", newResult());
    tier.invalidate({ kind: "alias_disputed", digest: ALIAS, before: now });
    tier.remember(match, alice);
    expect(tier.isVoid(match)).toBe(true);
    expect(tier.get(ALIAS, bob)).toBeNull();
    now += 60_000;
    tier.remember(match, alice);
    expect(tier.get(ALIAS, bob)).toEqual(match);
  });

  test("clears everything but what is refused", () => {
    const [kept, voided] = [newResult(), newResult({ createdAt: now - 1 })];
    tier.remember(byDigest(kept), alice);
    tier.rememberUnknown(ALIAS, alice);
    tier.invalidate({ kind: "purged", digest: voided.digest, before: now });
    tier.clear();
    tier.remember(byDigest(voided), alice);
    expect(tier.get(kept.digest, alice)).toBeNull();
    expect(tier.isUnknown(ALIAS, alice)).toBe(false);
    expect(tier.get(voided.digest, alice)).toBeNull();
    expect(tier.sizes().entries).toBe(0);
  });

  test("remembers a fingerprint for five seconds, until a second digest has it", () => {
    const result = newResult();
    const match = matchOf(result.fingerprint, "fingerprint", result);
    tier.remember(match, alice);
    now += 4_900;
    expect(tier.get(result.fingerprint, bob)).toEqual(match);
    now += 200;
    expect(tier.get(result.fingerprint, bob)).toBeNull();

    tier.remember(match, alice);
    tier.remember(byDigest(newResult({ fingerprint: result.fingerprint })), alice);
    expect(tier.get(result.fingerprint, bob)).toBeNull();
  });

  test("keeps an entry for an hour, ten per cent more or less", () => {
    const [early, late] = [newResult(), newResult()];
    random = 0;
    tier.remember(byDigest(early), alice);
    random = 1;
    tier.remember(byDigest(late), alice);
    now += 0.9 * HOUR - 1;
    expect(tier.get(early.digest, alice)).not.toBeNull();
    now += 1;
    expect(tier.get(early.digest, alice)).toBeNull();
    now += 0.2 * HOUR - 1;
    expect(tier.get(late.digest, alice)).not.toBeNull();
    now += 1;
    expect(tier.get(late.digest, alice)).toBeNull();
  });

  test("never answers with an expired result", () => {
    const result = newResult({ expiresAt: now + 10 });
    tier.remember(byDigest(result), alice);
    tier.remember(matchOf(ALIAS, "shared_alias", result), alice);
    now += 10;
    expect(tier.get(ALIAS, alice)).toBeNull();
    expect(tier.get(result.digest, alice)).toBeNull();
  });

  test("asks again after a minute whether another process has replaced a provisional result", () => {
    const result = newResult({ provisional: true, expiresAt: now + HOUR });
    tier.remember(byDigest(result), alice);
    now += 59_999;
    expect(tier.get(result.digest, bob)).not.toBeNull();
    now += 1;
    expect(tier.get(result.digest, bob)).toBeNull();
  });

  test("does not let an older or a provisional result replace what is there", () => {
    const wanted = newResult({ createdAt: 5 });
    tier.remember(byDigest(wanted), alice);
    tier.remember(byDigest({ ...wanted, provisional: true, createdAt: 9 }), alice);
    tier.remember(byDigest({ ...wanted, createdAt: 4 }), alice);
    expect(tier.get(wanted.digest, alice)?.result).toBe(wanted);
    const newer = { ...wanted, createdAt: 6 };
    tier.remember(byDigest(newer), alice);
    expect(tier.get(wanted.digest, alice)?.result).toBe(newer);
  });

  test("remembers for two seconds that a caller's hash is unknown", () => {
    tier.rememberUnknown(ALIAS, alice);
    expect(tier.isUnknown(ALIAS, alice)).toBe(true);
    expect(tier.isUnknown(ALIAS, bob)).toBe(false);
    now += 2_000;
    expect(tier.isUnknown(ALIAS, alice)).toBe(false);
  });

  test("a known hash is never unknown, whoever made it known", () => {
    const result = newResult();
    tier.rememberUnknown(result.digest, alice);
    tier.rememberUnknown(ALIAS, alice);
    tier.remember(byDigest(result), bob);
    tier.remember(matchOf(ALIAS, "shared_alias", result), bob);
    expect(tier.isUnknown(result.digest, alice)).toBe(false);
    expect(tier.isUnknown(ALIAS, alice)).toBe(false);
  });

  test("keeps what is asked for again, as long as the last question is a second newer than the one before", () => {
    const [asked, ...others] = Array.from({ length: 101 }, () => newResult());
    const remember = (result: StoredResult) => tier.remember(byDigest(result), alice);
    remember(asked!);
    for (const result of others.slice(0, 60)) remember(result);
    expect(tier.get(asked!.digest, bob)).not.toBeNull();
    for (const result of others.slice(60)) remember(result);
    expect(tier.get(others[0]!.digest, bob)).toBeNull();
    now += 1_000;
    expect(tier.get(asked!.digest, bob)).not.toBeNull();
    for (let i = 0; i < 99; i++) remember(newResult());
    expect(tier.get(asked!.digest, bob)).not.toBeNull();
  });

  test("stays within its number of entries", () => {
    const results = Array.from({ length: 150 }, () => newResult());
    for (const result of results) {
      tier.remember(byDigest(result), alice);
      tier.rememberUnknown(result.digest, bob);
    }
    expect(tier.sizes().entries).toBe(100);
    expect(tier.get(results[0]!.digest, alice)).toBeNull();
    expect(tier.get(results[149]!.digest, alice)).not.toBeNull();
  });

  test("stays within its bytes", () => {
    for (let made = 0; made < 90; made++)
      tier.remember(byDigest(newResult({ description: "🍜".repeat(10_000) })), alice);
    expect(tier.sizes().bytes).toBeLessThanOrEqual(1e6);
    expect(tier.sizes().bytes).toBeGreaterThan(9e5);
    expect(tier.sizes().entries).toBeLessThan(30);
  });

  test("counts what the local model saw", () => {
    tier.remember(byDigest(newResult()), alice);
    const { bytes } = tier.sizes();
    const probabilities = { foods: 1 };
    const localInference = { model: "m", version: "1", probabilities };
    tier.remember(byDigest(newResult({ localInference })), alice);
    expect(tier.sizes().bytes).toBeGreaterThan(2 * bytes);
  });
});
