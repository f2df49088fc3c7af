import sharp, { type Sharp } from "sharp";
import type { Outcome } from "../classification/ports/outcome.ts";
import type { PictureRejection } from "../classification/ports/picture-reader.ts";
import { type PictureFormat, sniffFormat } from "./sniff-format.ts";

// libvips knows dozens of formats, some of them scripts (SVG, PDF) or parsers with a past (TIFF, raw).
// Only what sniffFormat names can be opened, and only from memory: no path is ever read. Ultra HDR
// JPEGs then open as plain ones, by the standard-range picture that they contain.
sharp.block({ operation: ["VipsForeignLoad"] });
sharp.unblock({
  operation: [
    "VipsForeignLoadJpegBuffer",
    "VipsForeignLoadPngBuffer",
    "VipsForeignLoadWebpBuffer",
    "VipsForeignLoadNsgifBuffer",
    "VipsForeignLoadHeifBuffer",
  ],
});
// No picture is decoded twice, so a cache of operations would only hold memory.
sharp.cache(false);
// One libvips thread a picture: several pictures side by side keep the cores busy without the
// hand-over between threads, and with glibc's allocator fewer threads fragment less memory.
sharp.concurrency(1);

export interface DecodeLimits {
  /** Width times height, as the header claims them. */
  maxPixels: number;
  /** Processing time after which libvips gives up. */
  timeoutMs: number;
}

export type DecodeFailure = PictureRejection | "overloaded";

/**
 * Opens a picture and hands it to `render`, which says what it is to become. It decodes lazily: upright
 * as EXIF says, the first frame, on white where it is transparent, 8-bit sRGB. A bomb is refused by its
 * header, before a pixel is decoded. Bytes must not change until it is done.
 *
 * Decoding cannot be cancelled; it ends with an error at `timeoutMs`. A progressive JPEG costs up to
 * 6 bytes of memory a pixel meanwhile, most others a few rows.
 */
export async function decodePicture<Value>(
  bytes: Uint8Array,
  limits: DecodeLimits,
  render: (picture: Sharp) => Promise<Value>,
): Promise<Outcome<Value, DecodeFailure>> {
  const format = sniffFormat(bytes);
  if (format === null)
    return reject("unsupported_format", "Not a picture format that is read here.");
  try {
    if (format === "avif" && !(await holdsAv1(bytes)))
      return reject("unsupported_format", "The HEIF file holds no AV1 picture.");
    return { ok: true, value: await render(open(bytes, format, limits)) };
  } catch (error) {
    return explain(error, limits);
  }
}

async function holdsAv1(bytes: Uint8Array): Promise<boolean> {
  const { compression } = await sharp(bytes, { limitInputPixels: false }).metadata();
  return compression === "av1";
}

function open(
  bytes: Uint8Array,
  format: PictureFormat,
  { maxPixels, timeoutMs }: DecodeLimits,
): Sharp {
  // "error" refuses truncated files and tolerates what cameras get wrong, such as stray bytes
  // between JPEG segments.
  const picture = sharp(bytes, { limitInputPixels: maxPixels, failOn: "error", autoOrient: true })
    .timeout({ seconds: Math.max(1, Math.ceil(timeoutMs / 1000)) })
    .toColourspace("srgb");
  // A JPEG is never transparent, and sharp parses the colour again each time.
  return format === "jpeg" ? picture : picture.flatten({ background: "white" });
}

/** Turns an error of libvips into the reason it means. */
function explain(error: unknown, { maxPixels }: DecodeLimits) {
  const message = error instanceof Error ? error.message : String(error);
  const [line = ""] = message.split("\n");
  if (/exceeds pixel limit/i.test(message))
    return reject("too_many_pixels", `The picture has more than ${maxPixels} pixels.`);
  return /timeout: \d+%|out of memory/i.test(message)
    ? reject("overloaded", `The picture could not be decoded in time: ${line}`)
    : reject("corrupt", `The picture cannot be decoded: ${line}`);
}

function reject<Reason extends DecodeFailure>(reason: Reason, detail: string) {
  return { ok: false as const, reason, detail };
}
