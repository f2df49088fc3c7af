import { describe, expect, test } from "bun:test";
import sharp from "sharp";
import * as pictures from "../../test/support/pictures.ts";
import { tinyManifest } from "../../test/workers/fixtures/model-dir.ts";
import { fitPicture } from "./fit-picture.ts";
import type { ModelInput } from "./manifest.ts";

const LIMITS = { maxPixels: 10_000_000, timeoutMs: 5000 };
const RED = [255, 0, 0];
const BLUE = [0, 0, 255];
const PADDING = [51, 102, 153];

/** Pixels of a picture fitted into 4x4, as [red, green, blue] by row and column. */
async function fit(bytes: Uint8Array, changes: Partial<ModelInput> = {}): Promise<number[][][]> {
  const input = { ...tinyManifest("").input, width: 4, height: 4, ...changes };
  const outcome = await fitPicture(bytes, { ...input, kernel: "nearest" }, LIMITS);
  if (!outcome.ok) throw new Error(`${outcome.reason}: ${outcome.detail}`);
  const { value } = outcome;
  expect(value).toHaveLength(48);
  const pixel = (row: number, column: number) => [
    ...value.subarray((row * 4 + column) * 3, (row * 4 + column + 1) * 3),
  ];
  return [0, 1, 2, 3].map((row) => [0, 1, 2, 3].map((column) => pixel(row, column)));
}

/** A PNG, red in its left half and blue in its right one. */
async function redBlue(width: number, height: number): Promise<Uint8Array> {
  const pixels = new Uint8Array(width * height * 3);
  for (let at = 0; at < width * height; at++)
    pixels.set(at % width < width / 2 ? RED : BLUE, at * 3);
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

describe("fitPicture", () => {
  test("cover crops to the middle", async () => {
    const [row] = await fit(await redBlue(16, 4), { resize: "cover" });
    expect(row).toEqual([RED, RED, BLUE, BLUE]);
  });

  test("fill distorts", async () => {
    const rows = await fit(await redBlue(8, 2), { resize: "fill" });
    for (const row of rows) expect(row).toEqual([RED, RED, BLUE, BLUE]);
  });

  test("contain pads with the colour that becomes zero", async () => {
    const mean = [0.2, 0.4, 0.6] as [number, number, number];
    const rows = await fit(await redBlue(8, 4), { resize: "contain", mean });
    expect(rows[0]).toEqual([PADDING, PADDING, PADDING, PADDING]);
    expect(rows[1]).toEqual([RED, RED, BLUE, BLUE]);
    expect(rows[3]).toEqual([PADDING, PADDING, PADDING, PADDING]);
  });

  test("contain pads in RGB even where the model, and so its mean, is BGR", async () => {
    const mean = [153, 102, 51] as [number, number, number];
    const changes = { resize: "contain", channels: "bgr", scale: 1, mean } as const;
    expect((await fit(await redBlue(8, 4), changes))[0]![0]).toEqual(PADDING);
  });

  test("shows the largest square, undistorted, or leaves an edge out, when asked to", async () => {
    const input = { ...tinyManifest("").input, width: 32, height: 32, resize: "fill" } as const;
    const framed = await sharp({
      create: { width: 112, height: 56, channels: 3, background: "red" },
    })
      .extend({ top: 4, bottom: 4, left: 8, right: 8, background: "blue" })
      .png()
      .toBuffer();
    const edges = async (view: "whole" | "middle" | "zoom") => {
      const outcome = await fitPicture(framed, { ...input, kernel: "nearest" }, LIMITS, view);
      if (!outcome.ok) throw new Error(outcome.detail);
      const at = (row: number, column: number) => [
        ...outcome.value.subarray((row * 32 + column) * 3, (row * 32 + column) * 3 + 3),
      ];
      return [at(0, 16), at(16, 0), at(16, 31), at(31, 16)];
    };
    expect(await edges("whole")).toEqual([BLUE, BLUE, BLUE, BLUE]);
    expect(await edges("middle")).toEqual([BLUE, RED, RED, BLUE]);
    expect(await edges("zoom")).toEqual([RED, RED, RED, RED]);
  });

  test("turns the picture upright", async () => {
    const upsideDown = await sharp(await redBlue(8, 8))
      .withMetadata({ orientation: 3 })
      .png()
      .toBuffer();
    expect((await fit(upsideDown))[0]).toEqual([BLUE, BLUE, RED, RED]);
    const onItsSide = await sharp(await redBlue(8, 8))
      .withMetadata({ orientation: 6 })
      .png()
      .toBuffer();
    expect((await fit(onItsSide)).map((row) => row[0]!)).toEqual([RED, RED, BLUE, BLUE]);
  });

  test("lays transparency on white", async () => {
    const [row] = await fit(await pictures.transparentPng({ width: 8, height: 8 }));
    expect(row![0]).toEqual([255, 255, 255]);
  });

  test("makes three channels of grey, CMYK, 16-bit and animated pictures", async () => {
    const grey = (await fit(await pictures.greyJpeg()))[0]![0]!;
    expect(grey[1]).toBe(grey[0]!);
    await fit(await pictures.cmykJpeg());
    await fit(await pictures.sixteenBitPng());
    expect((await fit(await pictures.animation("gif")))[0]![0]![0]).toBeGreaterThan(240);
  });

  test("refuses what the picture reader refuses", async () => {
    const { input } = tinyManifest("");
    const reasonOf = async (bytes: Uint8Array) => {
      const outcome = await fitPicture(bytes, input, LIMITS);
      return outcome.ok ? "fitted" : outcome.reason;
    };
    expect(await reasonOf(await pictures.truncatedJpeg())).toBe("corrupt");
    expect(await reasonOf(pictures.svg())).toBe("unsupported_format");
    expect(await reasonOf(pictures.hugePng())).toBe("too_many_pixels");
  });
});
