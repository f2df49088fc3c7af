import { expect, test } from "bun:test";
import { createVoids } from "./voids.ts";

const KEPT_MS = 60_000;

test("refuses what was made before, for as long as it is kept", () => {
  const voids = createVoids({ max: 10, keptMs: KEPT_MS });
  voids.add("a", 100, 100);
  expect(voids.covers("a", 99, 100)).toBe(true);
  expect(voids.covers("a", 100, 100)).toBe(false);
  expect(voids.covers("b", 99, 100)).toBe(false);
  expect(voids.covers("a", 99, 99 + KEPT_MS)).toBe(true);
  expect(voids.covers("a", 99, 100 + KEPT_MS)).toBe(false);
});

test("an older announcement that comes late takes nothing back", () => {
  const voids = createVoids({ max: 10, keptMs: KEPT_MS });
  voids.add("a", 100, 100);
  voids.add("a", 50, 120);
  expect(voids.covers("a", 99, 120)).toBe(true);
});

test("what finds no room is refused under every key, until its time is over", () => {
  const voids = createVoids({ max: 2, keptMs: KEPT_MS });
  voids.add("a", 100, 100);
  voids.add("b", 50, 110);
  voids.add("c", 130, 130);
  expect(voids.covers("a", 99, 130)).toBe(true);
  expect(voids.covers("other", 99, 130)).toBe(true);
  expect(voids.covers("other", 100, 130)).toBe(false);
  expect(voids.covers("c", 120, 130)).toBe(true);
  expect(voids.covers("other", 99, 100 + KEPT_MS)).toBe(false);
});
