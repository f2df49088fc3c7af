import { expect, test } from "bun:test";
import { assert, property, uint8Array } from "fast-check";
import { identify } from "../classification/identity.ts";
import { createIdentify } from "./create-identify.ts";

test("names whatever bytes as the plain hashes do, the first time and again", () => {
  const identifyRemembered = createIdentify({ maxRemembered: 10 });
  assert(
    property(uint8Array({ maxLength: 10_000 }), (bytes) => {
      expect(identifyRemembered(bytes)).toEqual(identify(bytes));
      expect(identifyRemembered(bytes.slice())).toEqual(identify(bytes));
    }),
  );
});

test("tells images apart that differ in one bit, in length or in trailing zeros", () => {
  const identifyRemembered = createIdentify({ maxRemembered: 10_000 });
  const image = crypto.getRandomValues(new Uint8Array(1_000));
  const variants = [image, image.subarray(1), image.subarray(0, -1), new Uint8Array([...image, 0])];
  for (let bit = 0; bit < 8_000; bit += 37) {
    const flipped = image.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    variants.push(flipped);
  }
  const digests = variants.map((bytes) => identifyRemembered(bytes).digest);
  expect(new Set(digests).size).toBe(variants.length);
  expect(digests).toEqual(variants.map((bytes) => identify(bytes).digest));
});

test("what it remembers does not change with the bytes that it was given", () => {
  const identifyRemembered = createIdentify({ maxRemembered: 10 });
  const bytes = new Uint8Array([1, 2, 3]);
  const { digest } = identifyRemembered(bytes);
  bytes[0] = 9;
  expect(identifyRemembered(bytes).digest).not.toBe(digest);
  expect(identifyRemembered(new Uint8Array([1, 2, 3])).digest).toBe(digest);
});
