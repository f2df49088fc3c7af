import type { Outcome } from "../classification/ports/outcome.ts";
import { type DecodeFailure, type DecodeLimits, decodePicture } from "./decoder.ts";

/** Long side of the picture that models get, in pixels; what the apps shrink their uploads to. */
export const DEFAULT_SIDE = 1024;
const JPEG_QUALITY = 85;

/** Encodes an upload as the JPEG that language models are shown: upright, sRGB, without metadata. */
export async function encodePicture(
  bytes: Uint8Array,
  limits: DecodeLimits,
  maxSide: number,
): Promise<Outcome<Uint8Array, DecodeFailure>> {
  return decodePicture(bytes, limits, (picture) =>
    picture
      .resize({ width: maxSide, height: maxSide, fit: "inside", withoutEnlargement: true })
      .jpeg({ quality: JPEG_QUALITY })
      .toBuffer(),
  );
}
