import sharp, { type Sharp } from "sharp";
import {
  differenceHash,
  THUMBNAIL_HEIGHT,
  THUMBNAIL_WIDTH,
} from "../classification/picture-hash.ts";
import type { Outcome, PreparedPicture } from "../classification/ports.ts";
import {
  type DecodeFailure,
  type DecodeLimits,
  explainDecodeError,
  openPicture,
} from "./decoder.ts";

/** Long side of the picture that models get, in pixels; what the apps shrink their uploads to. */
export const MAX_SIDE = 1024;
const JPEG_QUALITY = 85;

/** Decodes an upload once and makes from its pixels both the clean JPEG and the picture hash. */
export async function preparePicture(
  bytes: Uint8Array,
  limits: DecodeLimits,
): Promise<Outcome<PreparedPicture, DecodeFailure>> {
  const opened = await openPicture(bytes, limits);
  if (!opened.ok) return opened;
  try {
    const { data, info } = await opened.value
      .resize({ width: MAX_SIDE, height: MAX_SIDE, fit: "inside", withoutEnlargement: true })
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    const pixels = () =>
      sharp(data, { raw: { width: info.width, height: info.height, channels: info.channels } });
    const [jpeg, luminance] = await Promise.all([
      pixels().jpeg({ quality: JPEG_QUALITY }).toBuffer(),
      readThumbnail(pixels()),
    ]);
    return { ok: true, value: { jpeg, pictureHash: differenceHash(luminance) } };
  } catch (error) {
    return explainDecodeError(error);
  }
}

/** The linear kernel averages without overshoot: ringing would flip bits between encodings. */
function readThumbnail(picture: Sharp): Promise<Uint8Array> {
  return picture
    .resize({ width: THUMBNAIL_WIDTH, height: THUMBNAIL_HEIGHT, fit: "fill", kernel: "linear" })
    .greyscale()
    .raw({ depth: "uchar" })
    .toBuffer();
}
