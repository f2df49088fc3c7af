import { afterAll, beforeAll, expect, test } from "bun:test";
import { identify } from "../../src/classification/identity.ts";
import { type Harness, openHarness, sha256 } from "../support/harness.ts";
import { drawPhoto } from "../support/pictures.ts";

const PATH = "/api/v1/classify/batch-check-cache";
let harness: Harness;
let photos: Uint8Array[];

beforeAll(async () => {
  harness = await openHarness();
  const seeds = [1, 2, 3];
  photos = await Promise.all(seeds.map((seed) => drawPhoto({ seed, width: 64, height: 48 })));
  for (const photo of photos) await harness.upload(photo);
});
afterAll(() => harness[Symbol.asyncDispose]());

const ask = (hashes: readonly string[], headers?: Record<string, string>) =>
  harness.postJson(PATH, { image_hashes: hashes }, headers);

interface Item {
  image_hash: string;
  cached: boolean;
  data: unknown;
}

test("hashes are answered in the order asked, duplicates included", async () => {
  const [a, b, c] = photos.map(sha256) as [string, string, string];
  const unknown = sha256("unknown");
  const hashes = [c, unknown, a, c, b, unknown];
  const { status, body } = await ask(hashes);
  expect(status).toBe(200);
  expect(body).toMatchObject({ success: true, total: 6, cached_count: 4 });
  expect(body.items.map((item: Item) => item.image_hash)).toEqual(hashes);
  expect(body.items.map((item: Item) => item.cached)).toEqual([
    true,
    false,
    true,
    true,
    true,
    false,
  ]);
  expect(body.items[1].data).toBeNull();
  expect(body.items[0].data.category).toBe("foods");
});

test("upper-case hashes are echoed in lower case, the same hash in both cases twice", async () => {
  const known = sha256(photos[0]!);
  const { body } = await ask([known.toUpperCase(), known]);
  expect(body.items.map((item: Item) => item.image_hash)).toEqual([known, known]);
  expect(body.cached_count).toBe(2);
});

test("digests and fingerprints may be mixed", async () => {
  const { digest, fingerprint } = identify(photos[0]!);
  const { body } = await ask([fingerprint, digest]);
  expect(body.items.map((item: Item) => [item.image_hash, item.cached])).toEqual([
    [fingerprint, true],
    [digest, true],
  ]);
});

test.each([1, 100])("%i hashes are a batch", async (count) => {
  const hashes = Array.from({ length: count }, (_, index) => sha256(`unknown ${count} ${index}`));
  hashes[count - 1] = sha256(photos[0]!);
  const { status, body } = await ask(hashes);
  expect(status).toBe(200);
  expect(body).toMatchObject({ total: count, cached_count: 1 });
  expect(body.items.map((item: Item) => item.image_hash)).toEqual(hashes);
});

test("a caller's own claim answers in a batch too", async () => {
  const claimed = sha256("original");
  await harness.upload(photos[0]!, { user: "ann", hash: claimed });
  expect((await ask([claimed], { "X-User-ID": "ann" })).body.cached_count).toBe(1);
  expect((await ask([claimed], { "X-User-ID": "ben" })).body.cached_count).toBe(0);
});
