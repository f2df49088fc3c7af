import { bulkhead, isBulkheadRejectedError } from "cockatiel";
import type { Outcome } from "../classification/ports/outcome.ts";
import type { PictureReader } from "../classification/ports/picture-reader.ts";
import type { DecodeFailure, DecodeLimits } from "./decoder.ts";
import { DEFAULT_SIDE, encodePicture } from "./encode-picture.ts";
import { DEFAULT_SHAPE, hashThumbnail, makeThumbnail } from "./thumbnail.ts";

export interface PictureReaderOptions {
  /** Largest picture that is decoded, width times height. */
  maxPixels: number;
  /** Pictures decoded at a time; each keeps one core busy. */
  concurrency: number;
  /** Pictures that may wait for their turn; one more is answered `overloaded`. */
  maxQueued: number;
  /** Long side of an encoded picture where none is asked for, in pixels; default 1,024. */
  maxSide?: number;
  /** Bounds the wait for a turn, and again each decode; default 10,000. */
  timeoutMs?: number;
}

type Read<Value> = (
  bytes: Uint8Array,
  limits: DecodeLimits,
) => Promise<Outcome<Value, DecodeFailure>>;

const DEFAULT_TIMEOUT_MS = 10_000;

/**
 * Decodes uploads on libvips' threads, the event loop stays free. Never rejects: a picture that
 * waited too long or took too long is `overloaded`, as is every one after `close`, which resolves
 * when the decodes in progress have ended.
 */
export function createPictureReader(
  options: PictureReaderOptions,
): PictureReader & { close(): Promise<void> } {
  const { maxPixels, concurrency, maxQueued, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const gate = bulkhead(concurrency, maxQueued);
  const inProgress = new Set<Promise<unknown>>();
  let isClosed = false;

  async function inTurn<Value>(read: Read<Value>, bytes: Uint8Array): ReturnType<Read<Value>> {
    if (isClosed) return overloaded("The picture reader is closed.");
    const queuedAt = performance.now();
    const decode = gate.execute(async () => {
      if (isClosed) return overloaded("The picture reader is closed.");
      if (performance.now() - queuedAt > timeoutMs)
        return overloaded("The picture waited too long for its turn to be decoded.");
      return read(bytes, { maxPixels, timeoutMs });
    });
    inProgress.add(decode);
    try {
      return await decode;
    } catch (error) {
      if (isBulkheadRejectedError(error))
        return overloaded("Too many pictures wait to be decoded.");
      throw error;
    } finally {
      inProgress.delete(decode);
    }
  }

  return {
    async glance(bytes, shape = DEFAULT_SHAPE) {
      const made = await inTurn((upload, limits) => makeThumbnail(upload, limits, shape), bytes);
      if (!made.ok) return made;
      return { ok: true, value: { thumbnail: made.value, pictureHash: hashThumbnail(made.value) } };
    },
    encode: (bytes, maxSide = options.maxSide ?? DEFAULT_SIDE) =>
      inTurn((picture, limits) => encodePicture(picture, limits, maxSide), bytes),
    async close() {
      isClosed = true;
      await Promise.allSettled(inProgress);
    },
  };
}

function overloaded(detail: string) {
  return { ok: false as const, reason: "overloaded" as const, detail };
}
