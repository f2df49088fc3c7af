import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { behaviours } from "../support/fake-provider.ts";
import { expectProblem, type Harness, openHarness, sha256 } from "../support/harness.ts";
import { openConnection } from "../support/http-connection.ts";
import * as pictures from "../support/pictures.ts";

const PATH = "/api/v1/classify";
const MAX_BYTES = 10 * 1024 * 1024;
const small = { width: 96, height: 72 };
let harness: Harness;

beforeAll(async () => {
  harness = await openHarness();
});
afterAll(() => harness[Symbol.asyncDispose]());

function post(body: BodyInit, headers: Record<string, string> = {}) {
  return harness.call(PATH, { method: "POST", body, headers });
}

function form(fields: Record<string, string | File>): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.append(name, value);
  return data;
}

/** A photo with bytes behind its end, which every decoder ignores. */
async function photoOf(bytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const padded = new Uint8Array(bytes);
  padded.set(await pictures.drawPhoto(small));
  return padded;
}

describe("what is no picture that we read", () => {
  const refused: [string, number, string, () => Uint8Array | Promise<Uint8Array>][] = [
    ["an SVG", 415, "unsupported_image", pictures.svg],
    ["an HEIC file", 415, "unsupported_image", pictures.heicHeader],
    ["a PDF", 415, "unsupported_image", pictures.pdf],
    ["a TIFF", 415, "unsupported_image", pictures.tiffHeader],
    ["text", 415, "unsupported_image", pictures.plainText],
    ["a page with a photo behind it", 415, "unsupported_image", pictures.htmlPolyglot],
    ["an AVIF without its boxes", 415, "corrupt_image", pictures.avifHeader],
    ["half a JPEG", 415, "corrupt_image", () => pictures.truncatedJpeg(0.5)],
    ["a JPEG that lacks its end", 415, "corrupt_image", () => pictures.truncatedJpeg(0.97)],
    ["the start of a JPEG", 415, "corrupt_image", () => pictures.truncatedJpeg(0.01)],
    ["a scrambled JPEG", 415, "corrupt_image", () => pictures.scrambledJpeg()],
    ["half a PNG", 415, "corrupt_image", () => pictures.truncatedJpeg(0.6, { format: "png" })],
    ["half a WebP", 415, "corrupt_image", () => pictures.truncatedJpeg(0.6, { format: "webp" })],
    ["half an AVIF", 415, "corrupt_image", () => pictures.truncatedJpeg(0.6, { format: "avif" })],
    ["a PNG of 60,000 x 60,000 pixels", 413, "image_too_many_pixels", () => pictures.hugePng()],
    ["a GIF of 65,535 x 65,535 pixels", 413, "image_too_many_pixels", () => pictures.hugeGif()],
  ];
  test.each(refused)("%s is %i %s, and so it is the second time", async (_, status, code, make) => {
    const bytes = await make();
    const calls = harness.provider.calls.count;
    for (let round = 0; round < 2; round++) {
      const answer = await harness.upload(bytes);
      expectProblem(answer, status, code);
    }
    expect(harness.provider.calls.count).toBe(calls);
    expect((await harness.checkCache(sha256(bytes))).body.cached).toBe(false);
  });

  test("a script in a GIF's clothes is refused", async () => {
    const { status, body } = await harness.upload(pictures.gifScriptPolyglot());
    expect([413, 415]).toContain(status);
    expect(body.success).toBe(false);
  });
});

describe("a form that lacks something", () => {
  const photo = new File([pictures.plainText()], "a.jpg");
  test.each([
    ["no image", form({ other: "x" }), ["image"]],
    ["text as image", form({ image: "not a file" }), ["image"]],
    ["an empty image", form({ image: new File([], "a.jpg") }), ["image"]],
    ["a hash that is none", form({ image: photo, image_hash: "abc" }), ["image_hash"]],
    ["a file as hash", form({ image: photo, image_hash: photo }), ["image_hash"]],
    ["a long user id", form({ image: photo, user_id: "u".repeat(65) }), ["X-User-ID"]],
  ])("%s is not valid", async (_, body, paths) => {
    expectProblem(await post(body), 422, "validation_failed", paths);
  });

  test("a bad hash in the header is named by the header", async () => {
    const headers = { "Content-Type": "image/png", "X-Image-Hash": "xyz" };
    expectProblem(await post(pictures.plainText(), headers), 422, "validation_failed", [
      "X-Image-Hash",
    ]);
  });

  test("an empty picture as the body is not valid", async () => {
    const headers = { "Content-Type": "image/png" };
    expectProblem(await post(new Uint8Array(0), headers), 422, "validation_failed", ["image"]);
  });
});

describe("a body that is no upload", () => {
  test.each(["application/json", "text/plain", "application/octet-stream", "multipart/mixed"])(
    "of type %s is refused",
    async (type) => {
      const answer = await post(pictures.plainText(), { "Content-Type": type });
      expectProblem(answer, 415, "unsupported_media_type");
    },
  );

  test.each([
    ["without a boundary", "multipart/form-data"],
    ["with another boundary", "multipart/form-data; boundary=nowhere"],
  ])("of multipart %s is malformed", async (_, type) => {
    expectProblem(
      await post("--somewhere\r\n", { "Content-Type": type }),
      400,
      "malformed_request",
    );
  });
});

describe("a picture of", () => {
  test("10 MiB is accepted", async () => {
    const { status, body } = await harness.upload(await photoOf(MAX_BYTES));
    expect([status, body.success]).toEqual([200, true]);
  });

  test("a byte more is too large, as a file and as the body", async () => {
    const large = await photoOf(MAX_BYTES + 1);
    expectProblem(await harness.upload(large), 413, "payload_too_large");
    expectProblem(await post(large, { "Content-Type": "image/jpeg" }), 413, "payload_too_large");
  });

  test("unknown length is too large as soon as it is", async () => {
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1_048_576;
        controller.enqueue(new Uint8Array(1_048_576));
        if (sent > 10 * MAX_BYTES) controller.close();
      },
    });
    const answer = await post(endless, { "Content-Type": "image/jpeg" }).catch(() => null);
    if (answer) expectProblem(answer, 413, "payload_too_large");
    expect(sent).toBeLessThan(5 * MAX_BYTES);
  });

  test("an announced length over the limit is refused before it is sent", async () => {
    using connection = openConnection(harness.url);
    const head = `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\n`;
    connection.write(`${head}Content-Length: ${MAX_BYTES * 2}\r\n\r\n`);
    const { status, body } = await connection.response();
    expect(status).toBe(413);
    expect(JSON.parse(body).error_code).toBe("payload_too_large");
  });
});

test("more uploads than memory is given for are asked to come back", async () => {
  await using tight = await openHarness({
    env: { MAX_UPLOAD_MEMORY_MB: "16" },
    provider: behaviours.hang(),
  });
  const large = await photoOf(MAX_BYTES);
  const first = tight.upload(large).catch(() => null);
  using connection = openConnection(tight.url);
  const head = `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\n`;
  // Announced and not sent: each holds its room until its time is up.
  connection.write(`${head}Content-Length: ${MAX_BYTES}\r\n\r\n`);
  const second = await tight.upload(large);
  expectProblem(second, 503, "server_overloaded");
  expect(second.headers.get("retry-after")).toBe("1");
  await tight[Symbol.asyncDispose]();
  await first;
});
