import type { PictureHash } from "../picture-hash.ts";
import type { Thumbnail, ThumbnailShape } from "../thumbnail.ts";
import type { Outcome } from "./outcome.ts";

export const PICTURE_REJECTIONS = ["unsupported_format", "corrupt", "too_many_pixels"] as const;

/** Why an upload is not a picture we read. */
export type PictureRejection = (typeof PICTURE_REJECTIONS)[number];

export type PictureFailure = PictureRejection | "overloaded";

/** A decoded upload, made ready for a language model. */
export interface PreparedPicture {
  /** JPEG, upright, sRGB, no metadata, shrunk to what the providers want. */
  jpeg: Uint8Array;
  pictureHash: PictureHash;
}

/** What one small decode tells of an upload. */
export interface PictureGlance {
  pictureHash: PictureHash;
  thumbnail: Thumbnail;
}

/** Decodes uploads, with bounded concurrency. Bytes handed in are not kept. */
export interface PictureReader {
  /** Decodes a thumbnail: enough to tell whether it is a picture and what it looks like. */
  glance(
    bytes: Uint8Array,
    shape?: ThumbnailShape,
  ): Promise<Outcome<PictureGlance, PictureFailure>>;
  /**
   * Makes the JPEG of a PreparedPicture, at most `maxSide` pixels on its long side: several times the
   * work of `glance`. Default: what all providers are served by.
   */
  encode(bytes: Uint8Array, maxSide?: number): Promise<Outcome<Uint8Array, PictureFailure>>;
}
