import { expect, test } from "bun:test";
import { fingerprintFromInteger, identify, isFingerprint, parseImageHash } from "./identity.ts";

test("an image is named by SHA-256 and XXH3 of its bytes", () => {
  // Digest of the empty string: FIPS 180-4; fingerprint: the xxHash specification's test vector.
  const { digest, fingerprint } = identify(new Uint8Array(0));
  expect(String(digest)).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  expect(String(fingerprint)).toBe("2d06800538d394c2");
});

test("a view into a larger buffer is named by its own bytes alone", () => {
  const bytes = new TextEncoder().encode("--photo--");
  expect(identify(bytes.subarray(2, 7))).toEqual(identify(new TextEncoder().encode("photo")));
});

test("a fingerprint keeps its leading zeros", () => {
  expect(String(fingerprintFromInteger(0x2an))).toBe("000000000000002a");
  expect(String(fingerprintFromInteger(2n ** 64n - 1n))).toBe("f".repeat(16));
});

test("a client's hash is 64 or 16 hex characters, in either case", () => {
  expect(String(parseImageHash("AbCdEf0123456789".repeat(4)))).toBe("abcdef0123456789".repeat(4));
  const short = parseImageHash("ABCDEF0123456789")!;
  expect(String(short)).toBe("abcdef0123456789");
  expect(isFingerprint(short)).toBe(true);
  expect(isFingerprint(parseImageHash("0".repeat(64))!)).toBe(false);
});

test.each([
  ["empty", ""],
  ["one short of 64", "a".repeat(63)],
  ["one over 64", "a".repeat(65)],
  ["one over 16", "a".repeat(17)],
  ["of 32 characters", "a".repeat(32)],
  ["no hex", "g".repeat(64)],
  ["padded", ` ${"a".repeat(62)} `],
  ["ended by a line break", `${"a".repeat(64)}\n`],
  ["full-width digits", "０".repeat(64)],
])("a hash that is %s is refused", (_, text) => {
  expect(parseImageHash(text)).toBeNull();
});
