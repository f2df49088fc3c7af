import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Harness, openHarness, sha256 } from "../support/harness.ts";
import { openConnection } from "../support/http-connection.ts";
import { drawPhoto } from "../support/pictures.ts";

const PATH = "/api/v1/classify/check-cache";
let harness: Harness;
let photo: Uint8Array;
const claimed = sha256("the original in ann's phone");

beforeAll(async () => {
  harness = await openHarness();
  photo = await drawPhoto({ seed: 31, width: 320, height: 240 });
  await harness.upload(photo, { user: "ann", hash: claimed });
});
afterAll(() => harness[Symbol.asyncDispose]());

const ask = async (headers: Record<string, string>, body: object = {}) =>
  (await harness.postJson(PATH, { image_hash: claimed, ...body }, headers)).body.cached as boolean;

const idFor = async (given: string) =>
  (await harness.postJson(PATH, { image_hash: claimed }, { "X-Request-ID": given })).body
    .request_id;

const fromAddress = (address: string) => ({ "X-User-ID": "ann", "X-Forwarded-For": address });

describe("a hash that one caller has claimed", () => {
  test("answers that caller, by header or by the older body field", async () => {
    expect(await ask({ "X-User-ID": "ann" })).toBe(true);
    expect(await ask({}, { user_id: "ann" })).toBe(true);
    expect(await ask({ "X-User-ID": "" }, { user_id: "ann" })).toBe(true);
  });

  test("answers nobody else", async () => {
    expect(await ask({ "X-User-ID": "ben" })).toBe(false);
    expect(await ask({ "X-User-ID": "Ann" })).toBe(false);
    expect(await ask({})).toBe(false);
  });

  test("does not answer somebody who names ann in the body only, as the header wins", async () => {
    expect(await ask({ "X-User-ID": "ben" }, { user_id: "ann" })).toBe(false);
    expect(await ask({ "X-User-ID": "ann" }, { user_id: "ben" })).toBe(true);
  });

  test("does not answer the same user id from another address", async () => {
    await using behindProxy = await openHarness({ env: { CLIENT_IP_HEADER: "X-Forwarded-For" } });
    const body = new FormData();
    body.append("image", new File([Uint8Array.from(photo)], "a.jpg"));
    body.append("image_hash", claimed);
    const headers = fromAddress("6.6.6.6, 192.0.2.1");
    await behindProxy.call("/api/v1/classify", { method: "POST", body, headers });
    const asks = async (address: string) =>
      (await behindProxy.postJson(PATH, { image_hash: claimed }, fromAddress(address))).body.cached;
    expect(await asks("192.0.2.2")).toBe(false);
    // Only the last entry is the proxy's word; the others anybody can write.
    expect(await asks("192.0.2.1, 192.0.2.2")).toBe(false);
    expect(await asks("192.0.2.9, 192.0.2.1")).toBe(true);
  });
});

describe("a request id", () => {
  test.each(["abc", "req_1760097600_a3f5d8c2b1e9", "0af7651916cd43dd:b7ad.1-2", "x".repeat(128)])(
    "that is well-formed is kept: %s",
    async (given) => {
      expect(await idFor(given)).toBe(given);
    },
  );

  test.each(["", "x".repeat(129), "two words", "<script>", 'a"b', "a,b"])(
    "that is not is replaced by one of ours: %p",
    async (given) => {
      expect(await idFor(given)).toMatch(/^req_\d{10}_[0-9a-f]{12}$/);
    },
  );

  test("is on errors too, and different each time", async () => {
    const [one, other] = await Promise.all([
      harness.postJson(PATH, {}),
      harness.postJson(PATH, {}),
    ]);
    expect(one.body.request_id).toMatch(/^req_/);
    expect(one.body.request_id).not.toBe(other.body.request_id);
  });
});

test("keys that would reach a prototype do no harm", async () => {
  const body = `{"__proto__": {"cached": true}, "constructor": 1, "image_hash": "${claimed}"}`;
  expect((await harness.postJson(PATH, body)).body.cached).toBe(false);
  expect(Object.keys(Object.prototype)).toEqual([]);
});

test("a request smuggled behind another's body is a request of its own or an error", async () => {
  using connection = openConnection(harness.url);
  const json = JSON.stringify({ image_hash: claimed });
  const head = `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n`;
  connection.write(
    `${head}Content-Length: ${json.length}\r\nTransfer-Encoding: chunked\r\n\r\n${json}`,
  );
  expect((await connection.response()).status).toBeGreaterThanOrEqual(400);
});
