import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { Outcome } from "../classification/ports/outcome.ts";
import {
  type DownloadFailure,
  explainDiskError,
  type Failed,
  failed,
  messageOf,
  type TryResult,
} from "./failure.ts";
import { openPartialFile, type PartialFile, type Progress } from "./partial-file.ts";
import { requestRest } from "./request-rest.ts";
import { writeBody } from "./write-body.ts";

export interface DownloadOptions {
  address: string;
  /** Where the file will be; the beginning waits beside it as `.part` when a download is cut. */
  to: string;
  /** 64 lower-case hex characters. */
  sha256: string;
  /** In bytes. */
  size: number;
  /** Bytes of the file that are there by now. */
  onProgress?: (receivedBytes: number) => void;
  /** Longest wait for an answer, or for its next bytes; default 30,000. */
  stallMs?: number;
  /** For everything; default 3,600,000. */
  deadlineMs?: number;
  /** Further tries in a row that bring no new bytes; default 5. */
  maxRetries?: number;
  /** The wait before a further try doubles from `min` to `max`; default 500 to 10,000. */
  backoffMs?: { min: number; max: number };
}

/**
 * Downloads a file of known size and checksum, going on where an earlier try, of this or another
 * process, was cut. Only a file that is proven appears at `to`. Expected failures are values.
 */
export async function downloadFile(
  options: DownloadOptions,
): Promise<Outcome<void, DownloadFailure>> {
  const { size, maxRetries = 5, backoffMs = { min: 500, max: 10_000 } } = options;
  const deadline = AbortSignal.timeout(options.deadlineMs ?? 3_600_000);
  const partial = openPartialFile(options.to, options.address);
  let failures = 0;
  for (;;) {
    const before = await partial.read();
    const result = await tryOnce(options, partial, before, deadline);
    if (result.type === "complete") return { ok: true, value: undefined };
    if (result.type === "failed") return explain(result);
    const after = await partial.read();
    failures = (after?.size ?? 0) > (before?.size ?? 0) ? 0 : failures + 1;
    if (failures > maxRetries || deadline.aborted) return explain(result.why, after, size);
    const backoff = Math.min(backoffMs.max, backoffMs.min * 2 ** Math.max(0, failures - 1));
    await Bun.sleep(Math.max(result.afterMs, backoff));
  }
}

async function tryOnce(
  options: DownloadOptions,
  partial: PartialFile,
  progress: Progress | null,
  deadline: AbortSignal,
): Promise<TryResult> {
  const { address, to, size, stallMs = 30_000 } = options;
  try {
    if (progress?.size === size) return await prove(options, partial);
    const { bavail, bsize } = await statfs(dirname(to));
    const missing = size - (progress?.size ?? 0);
    if (bavail * bsize < missing)
      return failed("disk", `${dirname(to)} has no room for ${missing} bytes more.`);
  } catch (error) {
    return explainDiskError(error);
  }
  const patience = new AbortController();
  const stalled = setTimeout(() => patience.abort(), stallMs);
  const signal = AbortSignal.any([deadline, patience.signal]);
  const answered = await requestRest(address, progress, signal).catch((error: unknown) => ({
    ok: false as const,
    reason: "unreachable" as const,
    detail: `${address} cannot be reached: ${messageOf(error)}`,
    retryAfterMs: 0,
  }));
  clearTimeout(stalled);
  if (!answered.ok) {
    const { reason, detail, retryAfterMs } = answered;
    if (reason === "range_refused") await partial.discard();
    const isHopeless = retryAfterMs === null && reason !== "range_refused";
    if (isHopeless) return failed(reason, detail);
    return { type: "again", afterMs: retryAfterMs ?? 0, why: failed(reason, detail) };
  }
  const { value: rest } = answered;
  if (rest.size !== null && rest.size !== size) {
    await rest.body.cancel();
    return failed("wrong_size", `${address} has ${rest.size} bytes, expected were ${size}.`);
  }
  const written = await writeBody(rest, partial, { ...options, stallMs, signal: deadline });
  return written.type === "complete" ? prove(options, partial) : written;
}

/** Hashes the whole file, whoever downloaded its beginning, and puts it in its place. */
async function prove(
  { sha256, address }: DownloadOptions,
  partial: PartialFile,
): Promise<TryResult> {
  const hasher = new Bun.CryptoHasher("sha256");
  try {
    for await (const chunk of Bun.file(partial.path).stream()) hasher.update(chunk);
    const actual = hasher.digest("hex");
    if (actual === sha256) {
      await partial.finish();
      return { type: "complete" };
    }
    await partial.discard();
    const detail = `${address} has the SHA-256 ${actual}, expected was ${sha256}; it was thrown away.`;
    return failed("wrong_checksum", detail);
  } catch (error) {
    return explainDiskError(error);
  }
}

function explain({ reason, detail }: Failed, progress: Progress | null = null, size = 0) {
  const kept = progress
    ? ` ${progress.size} of ${size} bytes are kept; run it again to go on.`
    : "";
  return { ok: false, reason, detail: detail + kept } as const;
}
