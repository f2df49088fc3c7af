import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Harness, openHarness, sha256 } from "../support/harness.ts";
import * as pictures from "../support/pictures.ts";

let harness: Harness;

beforeAll(async () => {
  harness = await openHarness();
});
afterAll(() => harness[Symbol.asyncDispose]());

const small = { width: 96, height: 72 };

test("an unknown photo is classified by the language model and stored", async () => {
  const photo = await pictures.drawPhoto({ seed: 41, ...small });
  const { status, headers, body } = await harness.upload(photo);
  expect(status).toBe(200);
  expect(body).toMatchObject({ success: true, from_cache: false, image_digest: sha256(photo) });
  expect(body.data).toMatchObject({
    category: "foods",
    confidence: 0.92,
    local_inference_result: null,
    inference_method: "llm",
    provisional: false,
  });
  expect(body.processing_time_ms).toBeGreaterThanOrEqual(0);
  expect(body.request_id).toMatch(/^req_\d{10}_[0-9a-f]{12}$/);
  expect(headers.get("cache-status")).toBe("onceover; fwd=miss; stored");
  expect(headers.get("server-timing")).toMatch(
    /^wait;dur=\d+, decode;dur=\d+, model;dur=\d+, store;dur=\d+, /,
  );
});

test("the same photo is answered from the cache, without a second model call", async () => {
  const photo = await pictures.drawPhoto({ seed: 42, ...small });
  const first = await harness.upload(photo, { user: "ann" });
  const calls = harness.provider.calls.count;
  const second = await harness.upload(photo, { user: "ben", filename: "another name.png" });
  expect(second.body.from_cache).toBe(true);
  expect(second.body.data).toEqual(first.body.data);
  expect(second.headers.get("cache-status")).toBe("onceover; hit; detail=memory");
  expect(harness.provider.calls.count).toBe(calls);
});

test("the picture itself may be the body, its hash a header", async () => {
  const photo = await pictures.drawPhoto({ seed: 43, ...small });
  const hash = sha256("the original of 43");
  const headers = {
    "Content-Type": "image/jpeg",
    "X-Image-Hash": hash.toUpperCase(),
    "X-User-ID": "ann",
  };
  const { body } = await harness.call("/api/v1/classify", { method: "POST", body: photo, headers });
  expect(body).toMatchObject({ from_cache: false, image_digest: sha256(photo) });
  expect((await harness.checkCache(hash, "ann")).body.cached).toBe(true);
});

test("an upload in chunks of unknown length is accepted", async () => {
  const photo = await pictures.drawPhoto({ seed: 44, ...small });
  const init = { method: "POST", headers: { "Content-Type": "image/jpeg" } };
  const { body } = await harness.call("/api/v1/classify", {
    ...init,
    body: new Blob([photo]).stream(),
  });
  expect(body.image_digest).toBe(sha256(photo));
});

test("an older app's user_id field names the caller", async () => {
  const body = new FormData();
  body.append("image", new File([await pictures.drawPhoto({ seed: 45, ...small })], "a.jpg"));
  body.append("image_hash", sha256("the original of 45"));
  body.append("user_id", "ann");
  await harness.call("/api/v1/classify", { method: "POST", body });
  expect((await harness.checkCache(sha256("the original of 45"), "ann")).body.cached).toBe(true);
});

describe("every format that we promise is classified", () => {
  const formats: [string, () => Promise<Uint8Array>][] = [
    ...(["jpeg", "png", "webp", "gif", "avif"] as const).map(
      (format): [string, () => Promise<Uint8Array>] => [
        format,
        () => pictures.drawPhoto({ seed: 46, format, ...small }),
      ],
    ),
    ["an MPO", () => pictures.mpo(small)],
    ["an animated GIF", () => pictures.animation("gif")],
    ["an animated WebP", () => pictures.animation("webp")],
    ["a CMYK JPEG", () => pictures.cmykJpeg(small)],
    ["a 16-bit PNG", () => pictures.sixteenBitPng(small)],
    ["a grey JPEG", () => pictures.greyJpeg(small)],
    ["a transparent PNG", () => pictures.transparentPng()],
    ["an Ultra HDR JPEG", () => pictures.ultraHdrJpeg()],
    ["a single pixel", () => pictures.onePixel()],
    ["a JPEG with a page behind it", () => pictures.jpegPolyglot(small)],
    ["a PNG under a JPEG's name", async () => (await pictures.wrongExtension()).bytes],
    ["a screenshot", () => pictures.drawScreenshot()],
    ["an ID card", () => pictures.drawIdCard()],
  ];
  test.each(formats)("%s", async (_, make) => {
    const bytes = await make();
    const { status, body } = await harness.upload(bytes);
    expect(status).toBe(200);
    expect(body).toMatchObject({ success: true, image_digest: sha256(bytes) });
  });
});

describe("with the local model alone", () => {
  test("the answer is a key of the taxonomy, with the probability of every category", async () => {
    await using local = await openHarness({ provider: null, localModel: true });
    const { body, headers } = await local.upload(await pictures.animation("gif"));
    expect(body.data).toMatchObject({
      category: "foods",
      inference_method: "local",
      provider: null,
      model: "tiny@1.2.3",
      provisional: false,
      description: "美食记录",
    });
    const { model, version, probabilities } = body.data.local_inference_result;
    expect([model, version]).toEqual(["tiny", "1.2.3"]);
    expect(Object.keys(probabilities)).toEqual([
      "social_activities",
      "pets",
      "single_person",
      "foods",
      "travel_scenery",
      "screenshot",
      "idcard",
      "other",
    ]);
    const total = Object.values<number>(probabilities).reduce((sum, value) => sum + value, 0);
    expect(total).toBeCloseTo(1, 3);
    expect(headers.get("cache-status")).toBe("onceover; fwd=miss; stored");
    expect((await local.upload(await pictures.animation("gif"))).body.from_cache).toBe(true);
  });
});
