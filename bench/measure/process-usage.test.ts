import { expect, test } from "bun:test";
import { cpuTimeUs, residentMemoryMib } from "./process-usage.ts";

test("CPU time grows with work", () => {
  const before = cpuTimeUs(process.pid);
  while (cpuTimeUs(process.pid) === before) Bun.SHA256.hash("work", "hex");
  expect(cpuTimeUs(process.pid) - before).toBeGreaterThanOrEqual(10_000);
});

test("this process has memory, and never more than its peak", () => {
  const { now, peak } = residentMemoryMib(process.pid);
  expect(now).toBeGreaterThan(1);
  expect(peak).toBeGreaterThanOrEqual(now);
});
