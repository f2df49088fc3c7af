import type { Outcome } from "../classification/ports/outcome.ts";
import type { DownloadFailure } from "./failure.ts";
import type { Progress } from "./partial-file.ts";

const MAX_REDIRECTS = 5;
/** Longest that a server's Retry-After is obeyed. */
const MAX_RETRY_AFTER_MS = 60_000;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

export interface Rest {
  body: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Whether the body goes on where the partial file ends; otherwise it is the whole file. */
  isContinued: boolean;
  /** Strong ETag of the version that is sent; null where there is none. */
  etag: string | null;
  /** Of the whole file, as far as the server says. */
  size: number | null;
}

export type RequestFailure = {
  ok: false;
  reason: DownloadFailure;
  detail: string;
  /** Whether the same request may succeed later, and how long the server wants to be left alone. */
  retryAfterMs: number | null;
};

/**
 * Asks for what a partial file lacks, or for the whole file. If-Range (RFC 9110, 13.1.5) makes the
 * server send the whole file where it has changed, so parts of two versions are never joined.
 */
export async function requestRest(
  address: string,
  progress: Progress | null,
  signal: AbortSignal,
): Promise<{ ok: true; value: Rest } | RequestFailure> {
  const headers: Record<string, string> = {
    // A compressed body has other lengths and ranges.
    "Accept-Encoding": "identity",
    "User-Agent": "onceover",
  };
  if (progress) {
    headers["Range"] = `bytes=${progress.size}-`;
    headers["If-Range"] = progress.etag;
  }
  const answered = await follow(address, { headers, signal, redirect: "manual" });
  if (!answered.ok) return { ...answered, retryAfterMs: null };
  const response = answered.value;
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    return explainStatus(response, address);
  }
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("Content-Range") ?? "");
  const isContinued = response.status === 206;
  const etag = strongETag(response.headers);
  if (isContinued && (Number(range?.[1]) !== progress?.size || etag !== progress.etag)) {
    await response.body.cancel();
    return failure("range_refused", `${address} answered with another range than asked for.`);
  }
  const length = isContinued ? range?.[2] : response.headers.get("Content-Length");
  const size = length === undefined || length === null ? null : Number(length);
  return {
    ok: true,
    value: {
      body: response.body as ReadableStream<Uint8Array<ArrayBuffer>>,
      isContinued,
      etag,
      size: Number.isNaN(size) ? null : size,
    },
  };
}

async function follow(
  address: string,
  init: RequestInit,
): Promise<Outcome<Response, DownloadFailure>> {
  let current = address;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await fetch(current, init);
    const location = response.headers.get("Location");
    if (!REDIRECTS.has(response.status) || location === null) return { ok: true, value: response };
    await response.body?.cancel();
    const next = URL.parse(location, current);
    const isSafe = next?.protocol === "https:" || next?.protocol === new URL(address).protocol;
    if (next === null || !isSafe)
      return failure("redirected", `${current} leads to ${location}, which is not followed.`);
    current = next.href;
  }
  return failure("redirected", `${address} redirects more than ${MAX_REDIRECTS} times.`);
}

function explainStatus({ status, headers }: Response, address: string): RequestFailure {
  const detail = `${address} answered HTTP ${status}.`;
  if (status === 404 || status === 410) return failure("not_found", detail);
  if (status === 416) return failure("range_refused", detail);
  const mayPass = status === 408 || status === 429 || status >= 500;
  const retryAfterMs = Number(headers.get("Retry-After") ?? "0") * 1000 || 0;
  return {
    ...failure("refused", detail),
    retryAfterMs: mayPass ? Math.min(retryAfterMs, MAX_RETRY_AFTER_MS) : null,
  };
}

/** A weak one promises no equal bytes (RFC 9110, 8.8.1). */
function strongETag(headers: Headers): string | null {
  const etag = headers.get("ETag");
  return etag?.startsWith('"') ? etag : null;
}

function failure(reason: DownloadFailure, detail: string) {
  return { ok: false, reason, detail, retryAfterMs: null } as const;
}
