import { expect, test } from "bun:test";
import { type DeleteBatch, deleteExpired } from "./delete-expired.ts";

const live = new AbortController().signal;

/** Rows of a kind that go a batch at a time. */
function rowsOf(kind: string, count: number): DeleteBatch & { left: () => number } {
  let left = count;
  const deleteBatch: DeleteBatch = async (limit) => {
    const gone = Math.min(limit, left);
    left -= gone;
    return { [kind]: gone };
  };
  return Object.assign(deleteBatch, { left: () => left });
}

test("deletes every kind to its end, a batch at a time, with pauses for others", async () => {
  let pauses = 0;
  const batches = [rowsOf("results", 25), rowsOf("leases", 3), rowsOf("requests", 10)];
  const deleted = await deleteExpired({
    batches,
    limit: 10,
    pause: async () => pauses++,
    signal: live,
  });
  expect(deleted).toEqual({ results: 25, leases: 3, requests: 10 });
  expect(pauses).toBe(3);
});

test("ends after the batch in which it is told to", async () => {
  const ending = new AbortController();
  const results = rowsOf("results", 100);
  const leases = rowsOf("leases", 1);
  const deleted = await deleteExpired({
    batches: [results, leases],
    limit: 10,
    pause: async () => ending.abort(),
    signal: ending.signal,
  });
  expect(deleted).toEqual({ results: 10 });
  expect([results.left(), leases.left()]).toEqual([90, 1]);
});
