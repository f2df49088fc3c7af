import { expect, test } from "bun:test";
import { Pacer } from "./pacer.ts";

function createPacer(perMinute: number | null) {
  let now = 1_000_000;
  const pacer = new Pacer(perMinute, () => now);
  return {
    pause: (ms: number) => pacer.pause(ms),
    isFree: () => pacer.isFree(),
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

test("without a limit lets everybody through at once", () => {
  const { take, isFree } = createPacer(null);
  for (let call = 0; call < 1_000; call++) expect(take(10)).toBe(0);
  expect(isFree()).toBe(true);
});

test("lets nobody through while it is paused, for five minutes at most", () => {
  const { take, pass, pause, isFree } = createPacer(null);
  pause(2_000);
  pause(1_000);
  expect(isFree()).toBe(false);
  expect(take(1_999)).toBeNull();
  expect(take(2_001)).toBe(2_000);
  pass(2_000);
  expect(take(10)).toBe(0);
  pause(86_400_000);
  pass(300_000);
  expect(take(10)).toBe(0);
});
