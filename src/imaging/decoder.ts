import sharp, { type Sharp } from "sharp";
import type { Outcome } from "../classification/ports/outcome.ts";
import type { PictureRejection } from "../classification/ports/picture-reader.ts";
import { sniffFormat } from "./sniff-format.ts";

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
 * Opens a picture after looking at its first bytes and its header only, so that a bomb is refused
 * before a pixel is decoded. The result decodes lazily: upright as EXIF says, the first frame, on
 * white where it is transparent, 8-bit sRGB. Bytes must not change until it is used up.
 *
 * Decoding cannot be cancelled; it ends with an error at `timeoutMs`. A progressive JPEG costs up to
 * 6 bytes of memory a pixel meanwhile, most others a few rows.
 */
export async function openPicture(
  bytes: Uint8Array,
  limits: DecodeLimits,
): Promise<Outcome<Sharp, DecodeFailure>> {
  const format = sniffFormat(bytes);
  if (format === null)
    return reject("unsupported_format", "Not a picture format that is read here.");
  try {
    const header = await sharp(bytes, { limitInputPixels: false }).metadata();
    if (format === "avif" && header.compression !== "av1")
      return reject("unsupported_format", "The HEIF file holds no AV1 picture.");
    const pixels = header.width * header.height;
    if (pixels > limits.maxPixels)
      return reject(
        "too_many_pixels",
        `The picture has ${header.width} x ${header.height} pixels; at most ${limits.maxPixels} pixels are read.`,
      );
  } catch (error) {
    return explainDecodeError(error);
  }
  return { ok: true, value: decode(bytes, limits) };
}

function decode(bytes: Uint8Array, { maxPixels, timeoutMs }: DecodeLimits): Sharp {
  // "error" refuses truncated files and tolerates what cameras get wrong, such as stray bytes
  // between JPEG segments.
  return sharp(bytes, { limitInputPixels: maxPixels, failOn: "error", autoOrient: true })
    .timeout({ seconds: Math.max(1, Math.ceil(timeoutMs / 1000)) })
    .flatten({ background: "white" })
    .toColourspace("srgb");
}

/** Turns an error of libvips, thrown while decoding, into the reason it means. */
export function explainDecodeError(error: unknown): {
  ok: false;
  reason: DecodeFailure;
  detail: string;
} {
  const message = error instanceof Error ? error.message : String(error);
  const [line = ""] = message.split("\n");
  const isOurs = /timeout: \d+%|out of memory/i.test(message);
  return isOurs
    ? reject("overloaded", `The picture could not be decoded in time: ${line}`)
    : reject("corrupt", `The picture cannot be decoded: ${line}`);
}

function reject<Reason extends DecodeFailure>(reason: Reason, detail: string) {
  return { ok: false as const, reason, detail };
}
