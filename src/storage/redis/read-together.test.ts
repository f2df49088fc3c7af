import { describe, expect, test } from "bun:test";
import { newDigest, newResult } from "../../../test/support/results.ts";
import type { Digest, ImageHash } from "../../classification/identity.ts";
import type { CacheMatch, StoredResult } from "../../classification/result.ts";
import { readTogether } from "./read-together.ts";

/** A reader of these results, and what it was asked for. */
function openReader(...results: StoredResult[]) {
  const reads: (readonly Digest[])[] = [];
  const read = readTogether(async (digests) => {
    reads.push(digests);
    const value = new Map<ImageHash, CacheMatch>();
    for (const result of results) {
      const hash = result.digest;
      if (digests.includes(hash)) value.set(hash, { hash, kind: "digest", result });
    }
    return { ok: true, value };
  });
  const find = async (...digests: Digest[]) => {
    const outcome = await read(digests);
    return outcome.ok ? [...outcome.value.keys()] : null;
  };
  return { find, reads };
}

describe("callers of one turn of the event loop", () => {
  test("share a read, in which each hash is once, and get their own hashes only", async () => {
    const [a, b, unknown] = [newResult(), newResult(), newDigest()];
    const { find, reads } = openReader(a, b);
    const found = await Promise.all([
      find(a.digest),
      find(b.digest, unknown),
      find(unknown),
      find(b.digest, a.digest),
    ]);
    expect(found).toEqual([[a.digest], [b.digest], [], [b.digest, a.digest]]);
    expect(reads).toEqual([[a.digest, b.digest, unknown]]);
  });

  test("share no more hashes than one read may have", async () => {
    const { find, reads } = openReader();
    const batches = Array.from({ length: 12 }, () => Array.from({ length: 100 }, newDigest));
    await Promise.all(batches.map((batch) => find(...batch)));
    expect(reads.map(({ length }) => length)).toEqual([500, 500, 200]);
  });

  test("all hear of a failure", async () => {
    const read = readTogether(async () => ({ ok: false, reason: "unavailable", detail: "down" }));
    const outcomes = await Promise.all([read([newDigest()]), read([newDigest()])]);
    expect(outcomes.map(({ ok }) => ok)).toEqual([false, false]);
  });
});

test("a later caller gets a read of his own", async () => {
  const result = newResult();
  const { find, reads } = openReader(result);
  await find(result.digest);
  await find(result.digest);
  expect(reads).toEqual([[result.digest], [result.digest]]);
});
