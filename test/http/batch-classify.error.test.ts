import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { behaviours } from "../support/fake-provider.ts";
import { expectProblem, type Harness, openHarness, sha256 } from "../support/harness.ts";
import * as pictures from "../support/pictures.ts";

const PATH = "/api/v1/classify/batch";
const MAX_BYTES = 200_000;
const small = { width: 64, height: 48 };
let harness: Harness;

beforeAll(async () => {
  harness = await openHarness({ env: { MAX_IMAGE_SIZE_MB: String(MAX_BYTES / 1_048_576) } });
});
afterAll(() => harness[Symbol.asyncDispose]());

function post(body: BodyInit, headers: Record<string, string> = {}) {
  return harness.call(PATH, { method: "POST", body, headers });
}

test("one bad file fails alone, each for its own reason", async () => {
  const files = [
    await pictures.drawPhoto({ seed: 71, ...small }),
    pictures.plainText(),
    await pictures.truncatedJpeg(0.5),
    pictures.hugePng(),
    new Uint8Array(MAX_BYTES + 1),
    pictures.emptyFile(),
    await pictures.drawPhoto({ seed: 72, ...small }),
  ];
  const { status, body } = await harness.uploadMany(files);
  expect(status).toBe(200);
  expect(body).toMatchObject({ success: true, total: 7, success_count: 2, fail_count: 5 });
  expect(body.items.map((item: { error_code: string | null }) => item.error_code)).toEqual([
    null,
    "unsupported_image",
    "corrupt_image",
    "image_too_many_pixels",
    "payload_too_large",
    "validation_failed",
    null,
  ]);
  for (const { success, data, error, from_cache } of body.items) {
    expect(success).toBe(error === null);
    expect(data === null).toBe(error !== null);
    expect(from_cache).toBe(false);
  }
});

test("a model that fails for one photo fails that item, not the batch", async () => {
  await using failing = await openHarness({
    provider: (_, index) => (index === 0 ? behaviours.status(500) : behaviours.answer()),
    env: { INFERENCE: "llm-only" },
  });
  const files = await Promise.all([1, 2, 3].map((seed) => pictures.drawPhoto({ seed, ...small })));
  const { body } = await failing.uploadMany(files);
  expect(body).toMatchObject({ success_count: 2, fail_count: 1 });
  const failed = body.items.find((item: { success: boolean }) => !item.success);
  expect(failed.error_code).toBe("classification_unavailable");
});

describe("a form", () => {
  test("of 21 files is not valid", async () => {
    const files = Array.from({ length: 21 }, pictures.plainText);
    expectProblem(await harness.uploadMany(files), 422, "validation_failed", ["images"]);
  });

  test("without files is not valid, nor is one whose images are text", async () => {
    const empty = new FormData();
    empty.append("other", "x");
    expectProblem(await post(empty), 422, "validation_failed", ["images"]);
    const text = new FormData();
    text.append("images", "not a file");
    expectProblem(await post(text), 422, "validation_failed", ["images"]);
  });

  test.each([
    ["no JSON", "[", ["image_hashes"]],
    ["no list", '{"0": "a"}', ["image_hashes"]],
    ["bad hashes", JSON.stringify([sha256("a"), "x"]), ["image_hashes.1"]],
    ["numbers", "[1, 2]", ["image_hashes.0"]],
  ])("whose hashes are %s is not valid", async (_, hashes, paths) => {
    const answer = await harness.uploadMany([pictures.plainText(), pictures.plainText()], hashes);
    expectProblem(answer, 422, "validation_failed", paths);
  });

  test("from a caller with 65 characters is not valid", async () => {
    const answer = await harness.uploadMany([pictures.plainText()], undefined, "u".repeat(65));
    expectProblem(answer, 422, "validation_failed", ["X-User-ID"]);
  });
});

test("a body that is no form, or larger than twenty pictures, is refused", async () => {
  const json = await post("{}", { "Content-Type": "application/json" });
  expectProblem(json, 415, "unsupported_media_type");
  const picture = await post(pictures.plainText(), { "Content-Type": "image/jpeg" });
  expectProblem(picture, 415, "unsupported_media_type");
  const broken = await post("x", { "Content-Type": "multipart/form-data; boundary=b" });
  expectProblem(broken, 400, "malformed_request");
  const large = new Uint8Array(21 * MAX_BYTES + 100_000);
  const type = { "Content-Type": "multipart/form-data; boundary=b" };
  expectProblem(await post(large, type), 413, "payload_too_large");
});
