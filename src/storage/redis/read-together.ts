import type { Digest, ImageHash } from "../../classification/identity.ts";
import type { Outcome } from "../../classification/ports/outcome.ts";
import type { CacheMatch } from "../../classification/result.ts";

type Found = Outcome<Map<ImageHash, CacheMatch>, "unavailable">;
type Read = (digests: readonly Digest[]) => Promise<Found>;

/** Hashes of one read: Redis serves nobody else meanwhile. A single caller may ask about more. */
const MAX_TOGETHER = 500;

/**
 * Makes one read of those that are asked for within one turn of the event loop: under load most of a
 * read's cost is that of its command, not of its keys. Every caller gets his own hashes only.
 */
export function readTogether(read: Read): Read {
  let batch: { digests: Digest[]; found: Promise<Found> } | null = null;

  function openBatch(): NonNullable<typeof batch> {
    const { promise, resolve } = Promise.withResolvers<Found>();
    const opened = { digests: [], found: promise };
    setImmediate(() => {
      if (batch === opened) batch = null;
      resolve(read([...new Set(opened.digests)]));
    });
    return opened;
  }

  return async (digests) => {
    if (batch && batch.digests.length + digests.length > MAX_TOGETHER) batch = null;
    batch ??= openBatch();
    batch.digests.push(...digests);
    const outcome = await batch.found;
    if (!outcome.ok) return outcome;
    const value = new Map<ImageHash, CacheMatch>();
    for (const digest of digests) {
      const match = outcome.value.get(digest);
      if (match) value.set(digest, match);
    }
    return { ok: true, value };
  };
}
