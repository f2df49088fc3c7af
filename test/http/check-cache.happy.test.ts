import { afterAll, beforeAll, expect, test } from "bun:test";
import { identify } from "../../src/classification/identity.ts";
import { type Harness, openHarness, sha256 } from "../support/harness.ts";
import { drawPhoto } from "../support/pictures.ts";

const PATH = "/api/v1/classify/check-cache";
let harness: Harness;
let known: Uint8Array;

beforeAll(async () => {
  harness = await openHarness();
  known = await drawPhoto({ seed: 1 });
  await harness.upload(known);
});
afterAll(() => harness[Symbol.asyncDispose]());

test("a known photo is a hit with its classification", async () => {
  const { status, headers, body } = await harness.checkCache(sha256(known));
  expect(status).toBe(200);
  expect(body).toMatchObject({ success: true, cached: true, from_cache: true });
  expect(body.data).toEqual({
    category: "foods",
    confidence: 0.92,
    description: "A bowl of noodles on a wooden table",
    local_inference_result: null,
    inference_method: "llm",
    provider: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    model: "fake-vision",
    provisional: false,
  });
  expect(body.timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  expect(headers.get("cache-status")).toBe("onceover; hit; detail=memory");
});

test("an unknown photo is a miss, not an error", async () => {
  const { status, headers, body } = await harness.checkCache(sha256("unknown"));
  expect(status).toBe(200);
  expect(body).toMatchObject({ success: true, cached: false, data: null, from_cache: false });
  expect(body.message).toBeString();
  expect(headers.get("cache-status")).toBe("onceover; fwd=miss");
});

test.each([
  ["closely", (hash: string) => `{"image_hash":"${hash}"}`],
  ["with blanks", (hash: string) => `{ "image_hash" : "${hash}" }`],
  ["over lines", (hash: string) => `\r\n{\n\t"image_hash": "${hash}"\n}\n`],
  ["with escapes", (hash: string) => `{"image_\\u0068ash": "${hash}"}`],
  ["with more members", (hash: string) => `{"image_hash": "${hash}", "app": "x"}`],
  ["twice, the last counting", (hash: string) => `{"image_hash": "no", "image_hash": "${hash}"}`],
])("a question written %s is understood", async (_, write) => {
  const body = write(sha256(known));
  const headers = { "Content-Type": "application/json" };
  const answer = await harness.call(PATH, { method: "POST", body, headers });
  expect(answer.body).toMatchObject({ cached: true });
});

test("a hash may be upper-case", async () => {
  expect((await harness.checkCache(sha256(known).toUpperCase())).body.cached).toBe(true);
});

test("our own fingerprint answers too", async () => {
  const { fingerprint } = identify(known);
  const first = await harness.checkCache(fingerprint);
  expect(first.body.cached).toBe(true);
  expect(first.headers.get("cache-status")).toBe("onceover; hit; detail=sql");
  const second = await harness.checkCache(fingerprint.toUpperCase());
  expect(second.headers.get("cache-status")).toBe("onceover; hit; detail=memory");
});

test("a content type with a charset and an empty user id are accepted", async () => {
  const { body } = await harness.postJson(
    "/api/v1/classify/check-cache",
    { image_hash: sha256(known), user_id: "" },
    { "Content-Type": "application/json; charset=utf-8", "X-User-ID": "" },
  );
  expect(body.cached).toBe(true);
});

test("fields that we don't know are ignored", async () => {
  const request = { image_hash: sha256(known), app_version: "9.1", nested: { deep: [1] } };
  expect((await harness.postJson("/api/v1/classify/check-cache", request)).status).toBe(200);
});
