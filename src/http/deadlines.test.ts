import { expect, test } from "bun:test";
import { clearDeadline, setDeadline } from "./deadlines.ts";

const reached = (timeoutMs: number) =>
  new Promise<number>((resolve) => {
    const setAt = performance.now();
    setDeadline(timeoutMs, () => resolve(performance.now() - setAt));
  });

test("deadlines are reached in any order, never early", async () => {
  const [long, short] = await Promise.all([reached(60), reached(1)]);
  expect(short).toBeGreaterThanOrEqual(1);
  expect(long).toBeGreaterThanOrEqual(60);
});

test("a cleared deadline is never reached", async () => {
  let isReached = false;
  clearDeadline(setDeadline(1, () => (isReached = true)));
  await reached(1);
  expect(isReached).toBe(false);
});

test("a deadline set when the last one was reached is reached too", async () => {
  await reached(1);
  expect(await reached(1)).toBeGreaterThanOrEqual(1);
});
