import type { Outcome } from "../classification/ports/outcome.ts";
import { type DecodeFailure, type DecodeLimits, decodePicture } from "../imaging/decoder.ts";
import type { ModelInput } from "./manifest.ts";

/** Share of width and height that a zoomed view shows, as ImageNet's classifiers are tested: 224 of 256. */
const ZOOM = 0.875;

/**
 * Decodes an upload and fits it, or a part of it, into the model's input size: RGB, 8 bits a channel,
 * row by row, `width * height * 3` bytes that nobody else refers to.
 *
 * Runs on libvips' threads in the main process rather than in the worker, because a worker that is
 * terminated while sharp is at work takes the process down (github.com/oven-sh/bun/issues/24016).
 */
export async function fitPicture(
  bytes: Uint8Array,
  input: ModelInput,
  limits: DecodeLimits,
  view: "whole" | "middle" | "zoom" = "whole",
): Promise<Outcome<Uint8Array<ArrayBuffer>, DecodeFailure>> {
  const { kernel } = input;
  const fit = view === "middle" ? "cover" : input.resize;
  const scale = view === "zoom" ? 1 / ZOOM : 1;
  const width = Math.round(input.width * scale);
  const height = Math.round(input.height * scale);
  const decoded = await decodePicture(bytes, limits, (picture) =>
    picture
      .resize({ width, height, fit, kernel, background: paddingOf(input) })
      .raw({ depth: "uchar" })
      .toBuffer(),
  );
  if (!decoded.ok) return decoded;
  return { ok: true, value: cropMiddle(decoded.value, { width, height }, input) };
}

interface Size {
  width: number;
  height: number;
}

/** Not by sharp, which decodes a JPEG that is to be turned and cropped at its full size. */
function cropMiddle(pixels: Uint8Array, from: Size, to: Size): Uint8Array<ArrayBuffer> {
  const left = Math.floor((from.width - to.width) / 2);
  const top = Math.floor((from.height - to.height) / 2);
  const cropped = new Uint8Array(to.width * to.height * 3);
  for (let row = 0; row < to.height; row++) {
    const start = ((top + row) * from.width + left) * 3;
    cropped.set(pixels.subarray(start, start + to.width * 3), row * to.width * 3);
  }
  return cropped;
}

/** The colour that becomes zero in the tensor. */
function paddingOf({ channels, mean, scale }: ModelInput): { r: number; g: number; b: number } {
  const [first, second, third] = mean.map((value) =>
    Math.max(0, Math.min(255, Math.round(value / scale))),
  ) as [number, number, number];
  return channels === "rgb" ? { r: first, g: second, b: third } : { r: third, g: second, b: first };
}
