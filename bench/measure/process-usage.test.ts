import { expect, test } from "bun:test";
import {
  childrenOf,
  cpuTimeUs,
  proportionalMemoryMib,
  residentMemoryMib,
} from "./process-usage.ts";

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

test("its share of memory is some, and no more than what is resident", () => {
  const share = proportionalMemoryMib(process.pid);
  expect(share).toBeGreaterThan(1);
  expect(share).toBeLessThanOrEqual(residentMemoryMib(process.pid).peak);
});

test("children are known from their start to their end", async () => {
  const child = Bun.spawn(["cat"], { stdin: "pipe" });
  expect(childrenOf(process.pid)).toContain(child.pid);
  child.stdin.end();
  await child.exited;
  expect(childrenOf(process.pid)).not.toContain(child.pid);
});
