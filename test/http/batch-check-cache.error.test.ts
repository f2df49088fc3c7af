import { afterAll, beforeAll, expect, test } from "bun:test";
import { expectProblem, type Harness, openHarness, sha256 } from "../support/harness.ts";

const PATH = "/api/v1/classify/batch-check-cache";
const HASH = sha256("a photo");
let harness: Harness;

beforeAll(async () => {
  harness = await openHarness();
});
afterAll(() => harness[Symbol.asyncDispose]());

const many = (count: number) => Array<string>(count).fill(HASH);

test.each([
  ["no list", {}, ["image_hashes"]],
  ["an empty list", { image_hashes: [] }, ["image_hashes"]],
  ["101 hashes", { image_hashes: many(101) }, ["image_hashes"]],
  ["one hash instead of a list", { image_hashes: HASH }, ["image_hashes"]],
  ["a list as an object", { image_hashes: { 0: HASH } }, ["image_hashes"]],
  ["bad entries", { image_hashes: [HASH, "x", HASH, null] }, ["image_hashes.1", "image_hashes.3"]],
  ["a long user id", { image_hashes: [HASH], user_id: "u".repeat(65) }, ["user_id"]],
])("%s is not valid, and every offending field is named", async (_, body, paths) => {
  expectProblem(await harness.postJson(PATH, body), 422, "validation_failed", paths);
});

test("malformed JSON, a wrong type and a large body get their own codes", async () => {
  expectProblem(await harness.postJson(PATH, "{"), 400, "malformed_request");
  const text = { "Content-Type": "text/plain" };
  expectProblem(await harness.postJson(PATH, "{}", text), 415, "unsupported_media_type");
  const large = { image_hashes: many(1_000) };
  expectProblem(await harness.postJson(PATH, large), 413, "payload_too_large");
});

test("a batch is all misses while the database is down, not an error", async () => {
  await using harness = await openHarness({ env: { DATABASE_URL: "mysql://root@127.0.0.1:1/x" } });
  const { status, body } = await harness.postJson(PATH, { image_hashes: many(3) });
  expect(status).toBe(200);
  expect(body).toMatchObject({ total: 3, cached_count: 0 });
});
