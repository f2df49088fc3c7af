import { describe, expect, test } from "bun:test";
import { showProgress } from "./show-progress.ts";

/** Shows bytes at times in milliseconds, returns what was written. */
function show(isTerminal: boolean, ...steps: [atMs: number, bytes: number][]): string[] {
  const written: string[] = [];
  let now = 0;
  const onProgress = showProgress({
    name: "m",
    size: 20_000_000,
    write: (text) => written.push(text),
    isTerminal,
    clock: () => now,
  });
  for (const [atMs, bytes] of steps) {
    now = atMs;
    onProgress(bytes);
  }
  return written;
}

describe("on a terminal", () => {
  test("a bar is drawn over itself, with pace and time left", () => {
    const [first, second, last] = show(true, [0, 0], [2000, 10_000_000], [4000, 20_000_000]);
    expect(first).toBe(`\rm  [${" ".repeat(24)}]  0 %, 0.0 of 20.0 MB\u001b[K`);
    expect(second).toStartWith(`\rm  [${"#".repeat(12)}${" ".repeat(12)}]  50 %, 10.0 of 20.0 MB`);
    expect(second).toContain("5.0 MB/s  2 s left");
    expect(last).toEndWith("100 %, 20.0 of 20.0 MB  5.0 MB/s\u001b[K\n");
  });

  test("it is not drawn for every piece, but always to its end", () => {
    const drawn = show(true, [0, 0], [10, 1000], [20, 2000], [30, 20_000_000]);
    expect(drawn).toHaveLength(2);
  });

  test("what an earlier run left does not count for the pace", () => {
    const [, second] = show(true, [0, 10_000_000], [1000, 11_000_000]);
    expect(second).toContain("1.0 MB/s  9 s left");
  });
});

test("elsewhere there is a line for each tenth", () => {
  const steps = Array.from({ length: 101 }, (_, at): [number, number] => [at, at * 200_000]);
  const lines = show(false, ...steps);
  expect(lines).toHaveLength(11);
  expect(lines[5]).toBe("m: 50 %, 10.0 of 20.0 MB\n");
});
