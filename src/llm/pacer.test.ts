import { expect, test } from "bun:test";
import { Pacer } from "./pacer.ts";

function createPacer(perMinute: number) {
  let now = 1_000_000;
  const pacer = new Pacer(perMinute, () => now);
  return {
    take: (withinMs: number) => pacer.take(now + withinMs),
    pass: (ms: number) => (now += ms),
  };
}

test("lets a minute's calls through at once, and the next when the first is a minute old", () => {
  const { take, pass } = createPacer(3);
  expect([take(10), take(10), take(10)]).toEqual([0, 0, 0]);
  pass(20_000);
  expect(take(50_000)).toBe(40_000);
  expect(take(50_000)).toBe(40_000);
});

test("gives no turn after the deadline, and keeps it for others", () => {
  const { take, pass } = createPacer(1);
  expect(take(10)).toBe(0);
  expect(take(59_999)).toBeNull();
  expect(take(60_000)).toBeNull();
  expect(take(60_001)).toBe(60_000);
  pass(120_000);
  expect(take(10)).toBe(0);
});

test("never gives more turns than allowed within any minute", () => {
  const { take, pass } = createPacer(7);
  const turns: number[] = [];
  for (let at = 0; at < 300_000; at += 1_371) {
    const waitMs = take(30_000);
    if (waitMs !== null) turns.push(at + waitMs);
    pass(1_371);
  }
  for (const turn of turns)
    expect(
      turns.filter((other) => other >= turn && other < turn + 60_000).length,
    ).toBeLessThanOrEqual(7);
  expect(turns.length).toBeGreaterThan(30);
});
