import { afterAll, beforeAll, expect, test } from "bun:test";
import * as fc from "fast-check";
import { type Harness, openHarness } from "../support/harness.ts";

/** For many runs on a busy machine. */
const TIMEOUT_MS = 60_000;
const JSON_PATHS = ["/api/v1/classify/check-cache", "/api/v1/classify/batch-check-cache"];
const UPLOAD_PATHS = ["/api/v1/classify", "/api/v1/classify/batch"];
const BOUNDARY = "b0undary";
const CRLF = "\r\n";

let harness: Harness;

beforeAll(async () => {
  harness = await openHarness();
});
afterAll(() => harness[Symbol.asyncDispose]());

/** The harness holds every answer to its documentation; here it must not be a failure of ours. */
async function expectNoFailure(path: string, contentType: string, body: Uint8Array<ArrayBuffer>) {
  const headers = { "Content-Type": contentType };
  const { status, headers: answered } = await harness.call(path, { method: "POST", headers, body });
  expect(status).toBeLessThan(500);
  if (status >= 400) expect(answered.get("content-type")).toBe("application/problem+json");
}

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Uint8Array.from(array));
const hash = fc.oneof(
  fc.stringMatching(/^[0-9a-fA-F]{64}$/),
  fc.stringMatching(/^[0-9a-f]{16}$/),
  fc.string(),
);
/** From noise to nearly right. */
const jsonBody = fc.oneof(
  bytes,
  fc.json().map((text) => Uint8Array.from(Buffer.from(text))),
  fc
    .record(
      {
        image_hash: fc.oneof(hash, fc.anything()),
        image_hashes: fc.oneof(fc.array(hash, { maxLength: 120 }), fc.anything()),
        user_id: fc.oneof(fc.string({ maxLength: 80 }), fc.anything()),
      },
      { requiredKeys: [] },
    )
    .map((value) => Uint8Array.from(Buffer.from(toJson(value)))),
);

/** `anything` has values that JSON does not know. */
function toJson(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    typeof member === "bigint" ? Number(member) : member,
  );
}

const part = fc
  .record({
    name: fc.constantFrom("image", "images", "image_hash", "image_hashes", "user_id", "other"),
    filename: fc.option(fc.stringMatching(/^[^"\r\n]{0,20}$/)),
    content: bytes,
    noise: fc.constantFrom("", "Content-Type: text/html", "Content-Transfer-Encoding: base64", ":"),
  })
  .map(({ name, filename, content, noise }) => {
    const file = filename === null ? "" : `; filename="${filename}"`;
    const head = [`--${BOUNDARY}`, `Content-Disposition: form-data; name="${name}"${file}`];
    if (noise) head.push(noise);
    return Buffer.concat([
      Buffer.from(`${head.join(CRLF)}${CRLF}${CRLF}`),
      content,
      Buffer.from(CRLF),
    ]);
  });
const multipartBody = fc
  .record({
    parts: fc.array(part, { maxLength: 5 }),
    end: fc.constantFrom(`--${BOUNDARY}--${CRLF}`, `--${BOUNDARY}`, "--", ""),
    noise: bytes,
    cut: fc.nat(50),
  })
  .map(({ parts, end, noise, cut }) => {
    const whole = Buffer.concat([...parts, Buffer.from(end), ...(cut > 45 ? [noise] : [])]);
    return Uint8Array.from(cut > 25 ? whole : whole.subarray(0, whole.length - cut));
  });

test.each(JSON_PATHS)(
  "%s answers any JSON-like body properly",
  async (path) => {
    await fc.assert(
      fc.asyncProperty(jsonBody, (body) => expectNoFailure(path, "application/json", body)),
      { numRuns: 200 },
    );
  },
  TIMEOUT_MS,
);

test.each(UPLOAD_PATHS)(
  "%s answers any form properly",
  async (path) => {
    const type = fc.constantFrom(
      `multipart/form-data; boundary=${BOUNDARY}`,
      `multipart/form-data; boundary="${BOUNDARY}"`,
      "multipart/form-data; boundary=",
    );
    await fc.assert(
      fc.asyncProperty(multipartBody, type, (body, type) => expectNoFailure(path, type, body)),
      { numRuns: 200 },
    );
  },
  TIMEOUT_MS,
);

test(
  "any bytes as a picture are answered properly",
  async () => {
    const magic = fc.constantFrom(
      "",
      "\xff\xd8\xff",
      "\x89PNG\r\n\x1a\n",
      "GIF89a",
      "RIFF\x10\x00\x00\x00WEBPVP8 ",
      "\x00\x00\x00\x1cftypavif\x00\x00\x00\x00avifmif1",
    );
    await fc.assert(
      fc.asyncProperty(magic, bytes, (start, rest) => {
        const body = Uint8Array.from(Buffer.concat([Buffer.from(start, "latin1"), rest]));
        return expectNoFailure("/api/v1/classify", "image/jpeg", body);
      }),
      { numRuns: 200 },
    );
  },
  TIMEOUT_MS,
);
