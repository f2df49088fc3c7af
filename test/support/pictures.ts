/**
 * Pictures made by code: nothing is downloaded or checked in, equal arguments give equal bytes.
 * drawings.ts: what users send; oddities.ts: valid but unusual; nasty.ts: broken or hostile.
 */
export {
  drawIdCard,
  type DrawOptions,
  drawPhoto,
  drawScreenshot,
  type EncodedFormat,
} from "./pictures/drawings.ts";
export * from "./pictures/nasty.ts";
export {
  animation,
  cmykJpeg,
  EXIF_MARKER,
  exifJpeg,
  greyJpeg,
  mpo,
  onePixel,
  type Orientation,
  sixteenBitPng,
  transparentPng,
  ultraHdrJpeg,
} from "./pictures/oddities.ts";
