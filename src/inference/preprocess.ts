import type { ModelInput } from "./manifest.ts";

/** Shape of the input tensor for one picture. */
export function inputShape({ layout, width, height }: ModelInput): readonly number[] {
  return layout === "nchw" ? [1, 3, height, width] : [1, height, width, 3];
}

/**
 * Writes RGB pixels (row by row, 8 bits a channel) into a tensor of the model's layout and channel
 * order, as `(pixel * scale - mean) / std`. Both arrays hold `width * height * 3` values.
 */
export function fillTensor(tensor: Float32Array, pixels: Uint8Array, input: ModelInput): void {
  const { width, height, layout, channels, scale, mean, std } = input;
  const area = width * height;
  if (pixels.length !== area * 3)
    throw new RangeError(`Expected ${area * 3} bytes of pixels, got ${pixels.length}.`);
  const step = layout === "nchw" ? 1 : 3;
  for (let channel = 0; channel < 3; channel++) {
    const gain = scale / std[channel]!;
    const offset = -mean[channel]! / std[channel]!;
    let from = channels === "rgb" ? channel : 2 - channel;
    let to = layout === "nchw" ? channel * area : channel;
    for (let pixel = 0; pixel < area; pixel++, from += 3, to += step)
      tensor[to] = pixels[from]! * gain + offset;
  }
}
