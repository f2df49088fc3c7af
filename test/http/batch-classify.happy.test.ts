import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Harness, openHarness, sha256 } from "../support/harness.ts";
import { drawPhoto } from "../support/pictures.ts";

let harness: Harness;

beforeAll(async () => {
  harness = await openHarness();
});
afterAll(() => harness[Symbol.asyncDispose]());

const draw = (seed: number) => drawPhoto({ seed, width: 64, height: 48 });
const drawAll = (seeds: readonly number[]) => Promise.all(seeds.map(draw));

test("twenty photos are classified, in the order sent", async () => {
  const photos = await drawAll(Array.from({ length: 20 }, (_, index) => 100 + index));
  await harness.upload(photos[7]!);
  const { status, body } = await harness.uploadMany(photos);
  expect(status).toBe(200);
  expect(body).toMatchObject({ success: true, total: 20, success_count: 20, fail_count: 0 });
  expect(body.total_processing_time_ms).toBeGreaterThanOrEqual(0);
  for (const [index, item] of body.items.entries()) {
    const facts = { index, filename: `${index}.jpg`, success: true, error: null, error_code: null };
    expect(item).toMatchObject({ ...facts, from_cache: index === 7, data: { category: "foods" } });
    expect(item.processing_time_ms).toBeGreaterThanOrEqual(0);
  }
  expect(body.warnings).toBeUndefined();
});

test("one photo is a batch, and the same photo twice costs one model call", async () => {
  const [photo] = await drawAll([130]);
  const calls = harness.provider.calls.count;
  expect((await harness.uploadMany([photo!, photo!, photo!])).body.success_count).toBe(3);
  expect((await harness.uploadMany([photo!])).body.items[0].from_cache).toBe(true);
  expect(harness.provider.calls.count).toBe(calls + 1);
});

test("hashes belong to the files in their order; null and empty stand for none", async () => {
  const photos = await drawAll([140, 141, 142, 143]);
  const [first, last] = [sha256("original 140"), sha256("original 143")];
  const hashes = JSON.stringify([first.toUpperCase(), null, "", last]);
  const { body } = await harness.uploadMany(photos, hashes, "ann");
  expect(body.success_count).toBe(4);
  expect(body.warnings).toBeUndefined();
  for (const hash of [first, last]) {
    expect((await harness.checkCache(hash, "ann")).body.cached).toBe(true);
    expect((await harness.checkCache(hash, "ben")).body.cached).toBe(false);
  }
});

test.each([
  ["shorter", 1],
  ["longer", 3],
  ["empty", 0],
])("a %s list of hashes is ignored with a warning, never mis-assigned", async (_, length) => {
  const photos = await drawAll([150 + length, 160 + length]);
  const hashes = Array.from({ length }, (_, index) => sha256(`original ${length} ${index}`));
  const { body } = await harness.uploadMany(photos, JSON.stringify(hashes), "ann");
  expect(body.success_count).toBe(2);
  expect(body.warnings).toEqual([
    `image_hashes was ignored: it has ${length} entries for 2 images.`,
  ]);
  for (const hash of hashes) {
    expect((await harness.checkCache(hash, "ann")).body.cached).toBe(false);
  }
});
