import { describe, expect, test } from "bun:test";
import { tinyManifest } from "../../test/workers/fixtures/model-dir.ts";
import type { ModelInput } from "./manifest.ts";
import { fillTensor, inputShape } from "./preprocess.ts";

/** Two pixels: (10, 20, 30) and (40, 50, 60). */
const PIXELS = Uint8Array.of(10, 20, 30, 40, 50, 60);

function inputOf(changes: Partial<ModelInput>): ModelInput {
  const { input } = tinyManifest("");
  return { ...input, width: 2, height: 1, scale: 1, ...changes };
}

function tensorOf(changes: Partial<ModelInput>): number[] {
  const tensor = new Float32Array(6);
  fillTensor(tensor, PIXELS, inputOf(changes));
  return [...tensor];
}

describe("fillTensor", () => {
  test("nchw: one plane after the other", () => {
    expect(tensorOf({ layout: "nchw" })).toEqual([10, 40, 20, 50, 30, 60]);
  });

  test("nhwc: one pixel after the other", () => {
    expect(tensorOf({ layout: "nhwc" })).toEqual([10, 20, 30, 40, 50, 60]);
  });

  test("bgr: blue first, in both layouts", () => {
    expect(tensorOf({ layout: "nchw", channels: "bgr" })).toEqual([30, 60, 20, 50, 10, 40]);
    expect(tensorOf({ layout: "nhwc", channels: "bgr" })).toEqual([30, 20, 10, 60, 50, 40]);
  });

  test("(pixel * scale - mean) / std, channel by channel in the model's order", () => {
    const numbers = { scale: 0.5, mean: [1, 2, 3], std: [1, 2, 4] } as Partial<ModelInput>;
    expect(tensorOf({ ...numbers, layout: "nhwc" })).toEqual([4, 4, 3, 19, 11.5, 6.75]);
    // Blue of the first pixel, 30, takes the first mean and std.
    expect(tensorOf({ ...numbers, layout: "nhwc", channels: "bgr" })[0]).toBe(14);
  });

  test("refuses pixels of another size", () => {
    const tensor = new Float32Array(6);
    expect(() => fillTensor(tensor, new Uint8Array(5), inputOf({}))).toThrow(
      "Expected 6 bytes of pixels, got 5.",
    );
  });
});

test("inputShape follows the layout", () => {
  const size = { width: 20, height: 10 };
  expect(inputShape(inputOf({ ...size, layout: "nchw" }))).toEqual([1, 3, 10, 20]);
  expect(inputShape(inputOf({ ...size, layout: "nhwc" }))).toEqual([1, 10, 20, 3]);
});
