import { expect, test } from "bun:test";
import * as fc from "fast-check";
import type { Digest, Fingerprint } from "../../classification/identity.ts";
import type { PictureHash } from "../../classification/picture-hash.ts";
import type { StoredResult } from "../../classification/result.ts";
import { decodeAlias, decodeResult, encodeAlias, encodeResult } from "./codec.ts";

const hex = (length: number) =>
  fc
    .array(fc.constantFrom(..."0123456789abcdef"), { minLength: length, maxLength: length })
    .map((digits) => digits.join(""));
const digest = hex(64).map((text) => text as Digest);
const text = fc.string({ unit: "grapheme", maxLength: 40 });
const share = fc.double({ min: 0, max: 1, noNaN: true }).map((value) => value + 0);
const time = fc.nat(4_000_000_000_000);
const count = fc.option(fc.nat());

const result: fc.Arbitrary<StoredResult> = fc.record({
  digest,
  fingerprint: hex(16).map((word) => word as Fingerprint),
  profileId: text,
  pictureHash: hex(16).map((word) => word as PictureHash),
  category: text,
  confidence: share,
  description: text,
  method: fc.constantFrom("llm", "llm_fallback", "local", "local_fallback"),
  provider: fc.option(text),
  model: text,
  localInference: fc.option(
    fc.record({ model: text, version: text, probabilities: fc.dictionary(text, share) }),
  ),
  inputTokens: count,
  outputTokens: count,
  costMicros: fc.nat(),
  provisional: fc.boolean(),
  createdAt: time,
  expiresAt: fc.option(time),
});

test("every result comes back as it was, and its text begins as the scripts expect", () => {
  fc.assert(
    fc.property(result, (kept) => {
      const encoded = encodeResult(kept);
      expect(decodeResult(JSON.parse(encoded), kept.profileId, kept.digest)).toEqual(kept);
      expect(encoded.startsWith(`[${kept.provisional},${kept.createdAt},`)).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test("an alias comes back as it was", () => {
  fc.assert(
    fc.property(digest, time, (target, createdAt) => {
      const alias = { digest: target, createdAt };
      expect(decodeAlias(encodeAlias(alias))).toEqual(alias);
    }),
  );
});

test("anything else is nothing, and never throws", () => {
  fc.assert(
    fc.property(fc.anything(), digest, (value, key) => {
      expect(decodeResult(value, "profile", key)).toBeNull();
      expect(decodeAlias(value)).toBeNull();
    }),
    { numRuns: 1_000 },
  );
});

test("a result with one member of another kind is nothing", () => {
  fc.assert(
    fc.property(result, fc.nat(), fc.anything(), (kept, at, value) => {
      const members = JSON.parse(encodeResult(kept)) as unknown[];
      const index = at % members.length;
      fc.pre(typeof value !== typeof members[index] && value !== null && value !== undefined);
      fc.pre(members[index] !== null);
      members[index] = value;
      expect(decodeResult(members, kept.profileId, kept.digest)).toBeNull();
    }),
    { numRuns: 1_000 },
  );
});
