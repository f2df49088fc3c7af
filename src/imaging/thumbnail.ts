import {
  differenceHash,
  THUMBNAIL_HEIGHT,
  THUMBNAIL_WIDTH,
  type PictureHash,
} from "../classification/picture-hash.ts";
import type { Outcome } from "../classification/ports/outcome.ts";
import type { Thumbnail, ThumbnailShape } from "../classification/thumbnail.ts";
import { type DecodeFailure, type DecodeLimits, decodePicture } from "./decoder.ts";

/** For picture hashes where no model asks for another. */
export const DEFAULT_SHAPE: ThumbnailShape = { width: 128, height: 128, kernel: "cubic" };

/**
 * Decodes an upload to a thumbnail, upright and in sRGB. A JPEG is decoded at a fraction of its size,
 * which costs a third of `encodePicture`, and still to its end, so that a truncated one is found.
 */
export async function makeThumbnail(
  bytes: Uint8Array,
  limits: DecodeLimits,
  shape: ThumbnailShape,
): Promise<Outcome<Thumbnail, DecodeFailure>> {
  const { width, height, kernel } = shape;
  const decoded = await decodePicture(bytes, limits, (picture) =>
    picture.resize({ width, height, fit: "fill", kernel }).raw({ depth: "uchar" }).toBuffer(),
  );
  return decoded.ok ? { ok: true, value: { shape, pixels: decoded.value } } : decoded;
}

/**
 * The picture hash, of averages of the thumbnail's luma. Plain averages, because what a resizer's
 * kernel does at 9x8 pixels differs with the size it starts from, and the hash must be the same for
 * every copy of a photo.
 */
export function hashThumbnail({ shape: { width, height }, pixels }: Thumbnail): PictureHash {
  const stride = width * 3;
  const averages = new Uint8Array(THUMBNAIL_WIDTH * THUMBNAIL_HEIGHT);
  for (let row = 0; row < THUMBNAIL_HEIGHT; row++) {
    const sums = new Float64Array(stride);
    forPart(height, THUMBNAIL_HEIGHT, row, (y, share) => {
      const start = y * stride;
      for (let at = 0; at < stride; at++) sums[at]! += share * pixels[start + at]!;
    });
    for (let column = 0; column < THUMBNAIL_WIDTH; column++) {
      let sum = 0;
      forPart(width, THUMBNAIL_WIDTH, column, (x, share) => (sum += share * luma(sums, x)));
      averages[row * THUMBNAIL_WIDTH + column] = Math.round(
        (sum * averages.length) / (width * height),
      );
    }
  }
  return differenceHash(averages);
}

/** Visits one of `parts` equally long parts of a line; a pixel on a border belongs to both, by its share. */
function forPart(
  length: number,
  parts: number,
  part: number,
  visit: (at: number, share: number) => void,
): void {
  const from = (part * length) / parts;
  const to = ((part + 1) * length) / parts;
  for (let at = Math.floor(from); at < to; at++)
    visit(at, Math.min(at + 1, to) - Math.max(at, from));
}

/** Of Rec. ITU-R BT.601. */
function luma(rgb: Float64Array, pixel: number): number {
  const at = pixel * 3;
  return 0.299 * rgb[at]! + 0.587 * rgb[at + 1]! + 0.114 * rgb[at + 2]!;
}
