import { expect, test } from "bun:test";
import { restartDelayMs } from "./restart-delay.ts";

test("doubles with every failure in a row, up to half a minute", () => {
  const delays = [1, 2, 3, 8, 9, 1_000].map((failures) => restartDelayMs(failures, () => 1));
  expect(delays).toEqual([200, 400, 800, 25_600, 30_000, 30_000]);
});

test("chance takes off up to half", () => {
  expect(restartDelayMs(1, () => 0)).toBe(100);
  expect(restartDelayMs(1, () => 0.5)).toBe(150);
});
