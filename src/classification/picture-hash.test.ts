import { describe, expect, test } from "bun:test";
import { differenceHash, hammingDistance, type PictureHash } from "./picture-hash.ts";

const rows = (row: readonly number[]) => Uint8Array.from(Array(8).fill(row).flat());

const hash = (text: string) => text as PictureHash;

describe("the difference hash", () => {
  test("sets a bit where the left pixel is brighter than its right neighbour", () => {
    expect(String(differenceHash(rows([9, 8, 7, 6, 5, 4, 3, 2, 1])))).toBe("f".repeat(16));
    expect(String(differenceHash(rows([1, 2, 3, 4, 5, 6, 7, 8, 9])))).toBe("0".repeat(16));
    expect(String(differenceHash(rows([5, 5, 5, 5, 5, 5, 5, 5, 5])))).toBe("0".repeat(16));
  });

  test("goes row by row, most significant bit first", () => {
    const luminance = new Uint8Array(72);
    luminance[0] = 1;
    luminance[71 - 1] = 1;
    expect(String(differenceHash(luminance))).toBe("8000000000000001");
  });

  test("never compares the last pixel of a row with the first of the next", () => {
    expect(String(differenceHash(rows([0, 0, 0, 0, 0, 0, 0, 0, 255])))).toBe("0".repeat(16));
  });
});

describe("the Hamming distance", () => {
  test.each([
    ["0000000000000000", "0000000000000000", 0],
    ["0000000000000000", "ffffffffffffffff", 64],
    ["8000000000000000", "0000000000000001", 2],
    ["ffffffff00000000", "00000000ffffffff", 64],
    ["00000000ffffffff", "00000000fffffffe", 1],
  ])("of %s and %s is %i", (a, b, distance) => {
    expect(hammingDistance(hash(a), hash(b))).toBe(distance);
    expect(hammingDistance(hash(b), hash(a))).toBe(distance);
  });
});
