import { expect, test } from "bun:test";
import { z } from "zod";
import { parseJson, readJson } from "./request-body.ts";

const schema = z.object({ name: z.string() });
const headers = { "Content-Type": "application/json" };

function read(body: string | Uint8Array<ArrayBuffer> | ReadableStream, length?: number) {
  const announced = length === undefined ? headers : { ...headers, "Content-Length": `${length}` };
  const request = new Request("http://localhost/", { method: "POST", body, headers: announced });
  return readJson(
    request,
    (text) => parseJson(text, schema),
    1_000,
    (value) => value,
  );
}

/** Bytes as they come without an announced length. */
function inChunks(...chunks: Uint8Array[]): ReadableStream {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

const valid = new TextEncoder().encode('{"name": "面"}');
const notUtf8 = Uint8Array.from([...new TextEncoder().encode('{"name": "'), 0xff, 0x22, 0x7d]);

test("a JSON body is read whether its length is announced or not, and split inside a character", async () => {
  expect(await read(valid, valid.length)).toEqual({ name: "面" });
  expect(await read(inChunks(valid.slice(0, 11), valid.slice(11)))).toEqual({ name: "面" });
});

test("bytes that are no UTF-8 are malformed, announced or not", async () => {
  const malformed = expect.objectContaining({ code: "malformed_request" });
  expect(await read(notUtf8, notUtf8.length).catch((error: unknown) => error)).toEqual(malformed);
  expect(await read(inChunks(notUtf8)).catch((error: unknown) => error)).toEqual(malformed);
});

test("an announced length beyond the limit is refused before the body is read", async () => {
  const tooLarge = expect.objectContaining({ code: "payload_too_large" });
  expect(await read(valid, 65_537).catch((error: unknown) => error)).toEqual(tooLarge);
});
