import { expect, test } from "bun:test";
import { LogPosition } from "./log-position.ts";

const PATIENCE_MS = 1_000;

test("settles what came without a gap, and waits for what is missing", () => {
  const position = new LogPosition(10, PATIENCE_MS);
  position.noteApplied([11, 12], 0);
  expect(position.settled).toBe(12);
  position.noteApplied([14, 15], 0);
  expect(position.settled).toBe(12);
  expect([10, 12, 13, 14, 16].map((id) => position.isNew(id))).toEqual([
    false,
    false,
    true,
    false,
    true,
  ]);
  position.noteApplied([13], PATIENCE_MS - 1);
  expect(position.settled).toBe(15);
});

test("gives a missing id up below one that was seen long ago", () => {
  const position = new LogPosition(0, PATIENCE_MS);
  position.noteApplied([2, 3], 0);
  position.noteApplied([6], 10);
  position.noteApplied([], PATIENCE_MS - 1);
  expect(position.settled).toBe(0);
  position.noteApplied([], PATIENCE_MS);
  expect(position.settled).toBe(3);
  expect(position.isNew(1)).toBe(false);
  expect([4, 5, 6].map((id) => position.isNew(id))).toEqual([true, true, false]);
  position.noteApplied([4, 5], PATIENCE_MS + 5);
  expect(position.settled).toBe(6);
});
