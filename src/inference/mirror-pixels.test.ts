import { expect, test } from "bun:test";
import { mirrorPixels } from "./mirror-pixels.ts";

test("mirrors each row, channels and middle column in their places", () => {
  const pixels = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19);
  mirrorPixels(pixels, 3);
  expect([...pixels]).toEqual([7, 8, 9, 4, 5, 6, 1, 2, 3, 17, 18, 19, 14, 15, 16, 11, 12, 13]);
});

test("even widths have no middle", () => {
  const pixels = Uint8Array.of(1, 2, 3, 4, 5, 6);
  mirrorPixels(pixels, 2);
  expect([...pixels]).toEqual([4, 5, 6, 1, 2, 3]);
});
