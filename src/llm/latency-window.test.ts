import { expect, test } from "bun:test";
import { LatencyWindow } from "./latency-window.ts";

test("says nothing before twenty calls, then the 95th percentile", () => {
  const window = new LatencyWindow();
  for (let ms = 1; ms < 20; ms++) window.record(ms);
  expect(window.p95()).toBeNull();
  window.record(20);
  expect(window.p95()).toBe(19);
  for (let ms = 21; ms <= 100; ms++) window.record(ms);
  expect(window.p95()).toBe(95);
});

test("forgets all but the last two hundred", () => {
  const window = new LatencyWindow();
  for (let call = 0; call < 200; call++) window.record(5_000);
  for (let call = 0; call < 200; call++) window.record(10);
  expect(window.p95()).toBe(10);
});
