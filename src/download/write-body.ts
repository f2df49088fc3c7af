import type { FileHandle } from "node:fs/promises";
import { explainDiskError, failed, messageOf, type TryResult } from "./failure.ts";
import type { PartialFile } from "./partial-file.ts";
import type { Rest } from "./request-rest.ts";

interface WriteOptions {
  address: string;
  /** Of the whole file, in bytes; more is never written. */
  size: number;
  stallMs: number;
  signal: AbortSignal;
  onProgress?: (receivedBytes: number) => void;
}

/** Writes what a server sends behind what is there, until the file is whole. */
export async function writeBody(
  rest: Rest,
  partial: PartialFile,
  options: WriteOptions,
): Promise<TryResult> {
  let file: FileHandle | null = null;
  try {
    const before = rest.isContinued ? ((await partial.read())?.size ?? 0) : 0;
    file = rest.isContinued ? await partial.append() : await partial.begin(rest.etag);
    const result = await pump(rest.body, file, before, options);
    if (result.type === "complete") await file.sync();
    return result;
  } catch (error) {
    return explainDiskError(error);
  } finally {
    await file?.close();
    // Ends the connection where the rest of the body is not wanted any more.
    await rest.body.cancel().catch(() => {});
  }
}

/** Throws only what the disk throws. */
async function pump(
  body: Rest["body"],
  file: FileHandle,
  before: number,
  { address, size, stallMs, signal, onProgress }: WriteOptions,
): Promise<TryResult> {
  const reader = body.getReader();
  let received = before;
  try {
    while (received < size) {
      onProgress?.(received);
      const next = await readInTime(reader, stallMs, signal);
      if (typeof next === "string") return again(`${address}: ${next}.`);
      if (next.done) return again(`${address}: the connection ended too early.`);
      received += next.value.length;
      if (received > size)
        return failed("wrong_size", `${address} sends more than the ${size} bytes expected.`);
      await file.writeFile(next.value);
    }
    onProgress?.(received);
    return { type: "complete" };
  } finally {
    reader.releaseLock();
  }
}

/** The next bytes, or in words why there are none. */
async function readInTime(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  stallMs: number,
  signal: AbortSignal,
) {
  const { promise: interrupted, resolve: interrupt } = Promise.withResolvers<string>();
  const giveUp = () => interrupt("the time for the whole download is over");
  const timer = setTimeout(() => interrupt(`no bytes for ${stallMs} ms`), stallMs);
  signal.addEventListener("abort", giveUp, { once: true });
  const read = reader.read().catch((error: unknown) => messageOf(error));
  const next = await Promise.race([read, interrupted]);
  clearTimeout(timer);
  signal.removeEventListener("abort", giveUp);
  return next;
}

function again(detail: string): TryResult {
  return { type: "again", afterMs: 0, why: failed("truncated", detail) };
}
