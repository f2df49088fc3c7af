import {
  differenceHash,
  THUMBNAIL_HEIGHT,
  THUMBNAIL_WIDTH,
  type PictureHash,
} from "../classification/picture-hash.ts";
import type { Outcome } from "../classification/ports.ts";
import {
  type DecodeFailure,
  type DecodeLimits,
  explainDecodeError,
  openPicture,
} from "./decoder.ts";

/** Long side of the picture that models get, in pixels; what the apps shrink their uploads to. */
export const DEFAULT_SIDE = 1024;
const JPEG_QUALITY = 85;

/** Encodes an upload as the JPEG that language models are shown: upright, sRGB, without metadata. */
export async function encodePicture(
  bytes: Uint8Array,
  limits: DecodeLimits,
  maxSide: number,
): Promise<Outcome<Uint8Array, DecodeFailure>> {
  const opened = await openPicture(bytes, limits);
  if (!opened.ok) return opened;
  try {
    const jpeg = await opened.value
      .resize({ width: maxSide, height: maxSide, fit: "inside", withoutEnlargement: true })
      .jpeg({ quality: JPEG_QUALITY })
      .toBuffer();
    return { ok: true, value: jpeg };
  } catch (error) {
    return explainDecodeError(error);
  }
}

/** Side of the square of pixels that one pixel of the hash's thumbnail is the average of. */
const CELL = 16;

/**
 * Makes the picture hash. A JPEG is decoded at a fraction of its size, which costs a quarter of
 * `encodePicture`, and still to its end, so that a truncated one is found. The last step to 9x8 is a
 * plain average of our own: what a resizer's kernel does there differs with the size it starts from,
 * and the hash must be the same for every copy of a photo.
 */
export async function hashPicture(
  bytes: Uint8Array,
  limits: DecodeLimits,
): Promise<Outcome<PictureHash, DecodeFailure>> {
  const opened = await openPicture(bytes, limits);
  if (!opened.ok) return opened;
  const size = { width: THUMBNAIL_WIDTH * CELL, height: THUMBNAIL_HEIGHT * CELL };
  try {
    const luminance = await opened.value
      .resize({ ...size, fit: "fill", kernel: "linear" })
      .greyscale()
      .raw({ depth: "uchar" })
      .toBuffer();
    return { ok: true, value: differenceHash(averageCells(luminance)) };
  } catch (error) {
    return explainDecodeError(error);
  }
}

/** `luminance`: 144x128 bytes, row by row. Returns the 9x8 averages of its cells. */
function averageCells(luminance: Uint8Array): Uint8Array {
  const averages = new Uint8Array(THUMBNAIL_WIDTH * THUMBNAIL_HEIGHT);
  const stride = THUMBNAIL_WIDTH * CELL;
  for (let cell = 0; cell < averages.length; cell++) {
    const top = Math.floor(cell / THUMBNAIL_WIDTH) * CELL;
    const left = (cell % THUMBNAIL_WIDTH) * CELL;
    let sum = 0;
    for (let y = top; y < top + CELL; y++) {
      for (let x = left; x < left + CELL; x++) sum += luminance[y * stride + x]!;
    }
    averages[cell] = Math.round(sum / (CELL * CELL));
  }
  return averages;
}
