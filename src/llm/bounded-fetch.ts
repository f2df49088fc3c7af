/** The global fetch, or anything that behaves like it. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** A reply that no classification is as long as. */
export class ReplyTooLargeError extends Error {
  override readonly name = "ReplyTooLargeError";

  constructor(maxBytes: number) {
    super(`the reply is longer than ${maxBytes} bytes`);
  }
}

/**
 * Wraps fetch so that a reply is read whole, and only as far as `maxBytes`; rejects with
 * ReplyTooLargeError and drops the connection beyond that. Redirects are not followed: they would
 * carry a photo to an address that nobody configured.
 */
export function createBoundedFetch(fetch: Fetch, maxBytes: number): Fetch {
  return async function boundedFetch(input, init) {
    const response = await fetch(input, { ...init, redirect: "manual" });
    const body = await readAtMost(response, maxBytes);
    const { status, statusText, headers } = response;
    return new Response(body, { status, statusText, headers });
  };
}

async function readAtMost(
  response: Response,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer> | null> {
  if (response.body === null) return null;
  if (Number(response.headers.get("content-length")) > maxBytes) {
    await response.body.cancel();
    throw new ReplyTooLargeError(maxBytes);
  }
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  // Leaving the loop cancels the body, which closes the socket.
  for await (const chunk of response.body) {
    length += chunk.length;
    if (length > maxBytes) throw new ReplyTooLargeError(maxBytes);
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length);
}
