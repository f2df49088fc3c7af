import { describe, expect, test } from "bun:test";
import {
  clip,
  decodeHex,
  decodeUnsigned,
  encodeDigest,
  encodeUnsigned,
  encodeWord,
} from "./codecs.ts";

describe("codecs", () => {
  test.each(["0000000000000000", "7fffffffffffffff", "8000000000000000", "ffffffffffffffff"])(
    "keeps every bit of %s",
    (hex) => {
      expect(decodeUnsigned<string>(encodeUnsigned(hex))).toBe(hex);
      expect(decodeHex<string>(encodeWord(hex))).toBe(hex);
    },
  );

  test("reads unsigned integers however the driver gives them", () => {
    expect(decodeUnsigned<string>(255)).toBe("00000000000000ff");
    expect(decodeUnsigned<string>(255n)).toBe("00000000000000ff");
    expect(decodeUnsigned<string>("18446744073709551615")).toBe("ffffffffffffffff");
  });

  test("reads a view of a larger buffer", () => {
    const bytes = new Uint8Array([9, 0xab, 0xcd, 9]).subarray(1, 3);
    expect(decodeHex<string>(bytes)).toBe("abcd");
  });

  test.each(["", "ab", "g".repeat(64), "ab".repeat(33), `${"ab".repeat(31)}zz`])(
    "refuses %p as a digest",
    (hex) => expect(() => encodeDigest(hex)).toThrow(RangeError),
  );

  test("cuts texts, but no surrogate pair in two", () => {
    expect(clip(null, 3)).toBeNull();
    expect(clip("abc", 3)).toBe("abc");
    expect(clip("abcd", 3)).toBe("abc");
    expect(clip("ab🍜", 3)).toBe("ab");
  });
});
