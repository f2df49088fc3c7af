import type { Outcome } from "../classification/ports.ts";
import {
  type DecodeFailure,
  type DecodeLimits,
  explainDecodeError,
  openPicture,
} from "../imaging/decoder.ts";
import type { ModelInput } from "./manifest.ts";

/**
 * Decodes an upload and fits it into the model's input size: RGB, 8 bits a channel, row by row,
 * `width * height * 3` bytes that nobody else refers to.
 *
 * Runs on libvips' threads in the main process rather than in the worker, because a worker that is
 * terminated while sharp is at work takes the process down (github.com/oven-sh/bun/issues/24016).
 */
export async function fitPicture(
  bytes: Uint8Array,
  input: ModelInput,
  limits: DecodeLimits,
): Promise<Outcome<Uint8Array<ArrayBuffer>, DecodeFailure>> {
  const opened = await openPicture(bytes, limits);
  if (!opened.ok) return opened;
  const { width, height, resize, kernel } = input;
  try {
    const pixels = await opened.value
      .resize({ width, height, fit: resize, kernel, background: paddingOf(input) })
      .raw({ depth: "uchar" })
      .toBuffer();
    return { ok: true, value: new Uint8Array(pixels) };
  } catch (error) {
    return explainDecodeError(error);
  }
}

/** The colour that becomes zero in the tensor. */
function paddingOf({ channels, mean, scale }: ModelInput): { r: number; g: number; b: number } {
  const [first, second, third] = mean.map((value) =>
    Math.max(0, Math.min(255, Math.round(value / scale))),
  ) as [number, number, number];
  return channels === "rgb" ? { r: first, g: second, b: third } : { r: third, g: second, b: first };
}
