import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { expectProblem, type Harness, openHarness, sha256 } from "../support/harness.ts";
import { openConnection } from "../support/http-connection.ts";

const PATH = "/api/v1/classify/check-cache";
const HASH = sha256("a photo");
let harness: Harness;

beforeAll(async () => {
  harness = await openHarness({ env: { REQUEST_DEADLINE_MS: "1000" } });
});
afterAll(() => harness[Symbol.asyncDispose]());

/** Sends a body as it is. */
function send(body: BodyInit | null, contentType: string | null = "application/json") {
  const headers: Record<string, string> =
    contentType === null ? {} : { "Content-Type": contentType };
  return harness.call(PATH, { method: "POST", body, headers });
}

describe("a body that is not JSON", () => {
  test.each([
    ["cut off", '{"image_hash": "'],
    ["empty", ""],
    ["text", "hello"],
    ["NaN", "NaN"],
    ["with a blank that JSON does not know", `{\u00a0"image_hash": "${HASH}"}`],
    ["followed by more", `{"image_hash": "${HASH}"} {}`],
    ["very deeply nested", "[".repeat(60_000)],
  ])("is malformed: %s", async (_, body) => {
    expectProblem(await send(body), 400, "malformed_request");
  });

  test("is malformed when it is not UTF-8", async () => {
    const bytes = Buffer.from(`{"image_hash": "${HASH}", "user_id": "caf\xe9"}`, "latin1");
    expectProblem(await send(bytes), 400, "malformed_request");
  });
});

test.each([
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data",
  "application/jsonp",
])("a body of type %s is refused", async (contentType) => {
  const answer = await send(JSON.stringify({ image_hash: HASH }), contentType);
  expectProblem(answer, 415, "unsupported_media_type");
});

test("a body without a type is refused", async () => {
  expectProblem(await send(Buffer.from("{}"), null), 415, "unsupported_media_type");
});

describe("a body that is JSON but not valid names every offending field", () => {
  test.each([
    ["no hash", {}, ["image_hash"]],
    ["null", null, [""]],
    ["a list", [], [""]],
    ["a hash of 63 characters", { image_hash: "a".repeat(63) }, ["image_hash"]],
    ["a hash of 65 characters", { image_hash: "a".repeat(65) }, ["image_hash"]],
    ["a hash that is no hex", { image_hash: "z".repeat(64) }, ["image_hash"]],
    ["a hash with spaces", { image_hash: ` ${HASH}` }, ["image_hash"]],
    ["a number as hash", { image_hash: 42 }, ["image_hash"]],
    ["a user id of 65 characters", { image_hash: HASH, user_id: "u".repeat(65) }, ["user_id"]],
    ["two mistakes", { image_hash: "", user_id: 1 }, ["image_hash", "user_id"]],
  ])("%s", async (_, body, paths) => {
    const answer = await harness.postJson(PATH, body);
    expectProblem(answer, 422, "validation_failed", paths);
    expect(answer.body.detail).toContain(paths[0] || "body");
  });
});

const askAs = (userId: string) =>
  harness.postJson(PATH, { image_hash: HASH }, { "X-User-ID": userId });

describe("a user id in the header", () => {
  test("may have 64 characters", async () => {
    expect((await askAs("u".repeat(64))).status).toBe(200);
  });

  test("may not have 65", async () => {
    expectProblem(await askAs("u".repeat(65)), 422, "validation_failed", ["X-User-ID"]);
  });
});

describe("a body that is too large", () => {
  const large = JSON.stringify({ image_hash: HASH, padding: "x".repeat(66_000) });

  test("is refused by its announced length", async () => {
    expectProblem(await send(large), 413, "payload_too_large");
  });

  test("is refused when it comes in chunks", async () => {
    const chunks = new Blob([large]).stream();
    expectProblem(await send(chunks), 413, "payload_too_large");
  });

  test("is refused before it is sent", async () => {
    using connection = openConnection(harness.url);
    const head = `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n`;
    connection.write(`${head}Content-Length: 99999999\r\n\r\n`);
    expect((await connection.response()).status).toBe(413);
  });
});

test("a body that does not arrive in time is given up", async () => {
  using connection = openConnection(harness.url);
  const head = `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n`;
  connection.write(`${head}Content-Length: 90\r\n\r\n{"image_hash":`);
  const { status, headers, body } = await connection.response();
  expect(status).toBe(408);
  expect(headers["content-type"]).toBe("application/problem+json");
  expect(JSON.parse(body)).toMatchObject({ error_code: "request_timeout", success: false });
});

test("while the database is down an unknown photo is a miss that says so", async () => {
  await using harness = await openHarness({ env: { DATABASE_URL: "mysql://root@127.0.0.1:1/x" } });
  const { status, headers, body } = await harness.checkCache(HASH);
  expect([status, body.cached]).toEqual([200, false]);
  expect(headers.get("cache-status")).toBe("onceover; fwd=bypass; detail=database-unavailable");
  expect((await harness.call("/api/v1/health")).body).toMatchObject({
    status: "unhealthy",
    database: "disconnected",
  });
});
