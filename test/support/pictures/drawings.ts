import type { Sharp } from "sharp";
import { Canvas, type Colour, createRandom } from "./canvas.ts";

export type EncodedFormat = "jpeg" | "png" | "webp" | "gif" | "avif";

export interface DrawOptions {
  /** Equal seeds draw equal pictures, whatever the size. */
  seed?: number;
  width?: number;
  height?: number;
  format?: EncodedFormat;
  /** 1..100, for the formats that have it. */
  quality?: number;
}

/** Something like a holiday photo: sky, sun, hills, shapes, and a little sensor noise. */
export function drawPhoto(options: DrawOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  return encode(photoCanvas(options).toSharp(), options);
}

/** A phone screen with status bar, header, list rows and lines of text; portrait. */
export function drawScreenshot(options: DrawOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  const { seed = 1, width = 540, height = 1170 } = options;
  const random = createRandom(seed);
  const canvas = new Canvas(width, height);
  canvas.rectangle([0, 0, 1, 1], [250, 250, 252]);
  canvas.rectangle([0, 0, 1, 0.04], [20, 20, 24]);
  canvas.rectangle([0, 0.04, 1, 0.12], randomColour(random));
  for (let row = 0; row < 8; row++) {
    const top = 0.14 + row * 0.1;
    canvas.rectangle([0.05, top, 0.2, top + 0.07], randomColour(random));
    for (const line of [0, 0.025, 0.05])
      canvas.rectangle([0.25, top + line, 0.4 + random() * 0.5, top + line + 0.012], [70, 70, 80]);
  }
  return encode(canvas.toSharp(), { format: "png", ...options });
}

/** A card with a portrait to the left and printed lines; the proportions of ISO/IEC 7810 ID-1. */
export function drawIdCard(options: DrawOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  const { seed = 1, width = 856, height = 540 } = options;
  const random = createRandom(seed);
  const canvas = new Canvas(width, height);
  const tint = randomColour(random);
  canvas.paint([0, 0, 1, 1], (x, y) => mix([235, 240, 245], tint, (x + y) / 8));
  canvas.rectangle([0.06, 0.2, 0.32, 0.75], [200, 215, 230]);
  canvas.ellipse(0.19, 0.4, 0.07, 0.13, [225, 185, 160]);
  canvas.rectangle([0.1, 0.58, 0.28, 0.75], [60, 70, 110]);
  for (let line = 0; line < 6; line++) {
    const top = 0.22 + line * 0.09;
    canvas.rectangle([0.4, top, 0.6 + random() * 0.32, top + 0.035], [40, 40, 60]);
  }
  for (const top of [0.84, 0.91]) canvas.rectangle([0.05, top, 0.95, top + 0.03], [30, 30, 30]);
  return encode(canvas.toSharp(), options);
}

/** The pixels of drawPhoto, for encodings of one's own. */
export function photoCanvas({ seed = 1, width = 640, height = 480 }: DrawOptions = {}): Canvas {
  const random = createRandom(seed);
  const noise = createRandom(seed + 1);
  const canvas = new Canvas(width, height);
  const [zenith, horizon, ground] = [
    randomColour(random),
    randomColour(random),
    randomColour(random),
  ];
  const [phase, slope] = [random() * 6, 0.2 + random() * 0.5];
  const hillAt = (x: number) => 0.55 + 0.12 * Math.sin(phase + x * 7) + slope * (x - 0.5) * 0.4;
  canvas.paint([0, 0, 1, 1], (x, y) => {
    const grain = noise() * 10 - 5;
    const hill = hillAt(x);
    const colour = y < hill ? mix(zenith, horizon, y / hill) : mix(ground, [20, 30, 20], y - hill);
    return [clamp(colour[0] + grain), clamp(colour[1] + grain), clamp(colour[2] + grain)];
  });
  canvas.ellipse(0.15 + random() * 0.7, 0.1 + random() * 0.25, 0.06, 0.08, [255, 240, 200]);
  for (let shape = 0; shape < 5; shape++) {
    const [x, y, size] = [random(), 0.45 + random() * 0.45, 0.04 + random() * 0.12];
    if (random() < 0.5) canvas.ellipse(x, y, size, size, randomColour(random));
    else canvas.rectangle([x, y, x + size, y + size], randomColour(random));
  }
  return canvas;
}

/** Encodes as the options say; JPEG at quality 90 unless told otherwise. */
export async function encode(
  picture: Sharp,
  { format = "jpeg", quality = 90 }: DrawOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const hasQuality = format === "jpeg" || format === "webp" || format === "avif";
  const effort = format === "avif" ? { effort: 1 } : {};
  const encoded = picture.toFormat(format, hasQuality ? { quality, ...effort } : {});
  return new Uint8Array(await encoded.toBuffer());
}

function randomColour(random: () => number): Colour {
  return [Math.floor(random() * 256), Math.floor(random() * 256), Math.floor(random() * 256)];
}

function mix(from: Colour, to: Colour, part: number): Colour {
  const blend = (index: 0 | 1 | 2) => clamp(from[index] + (to[index] - from[index]) * part);
  return [blend(0), blend(1), blend(2)];
}

function clamp(value: number): number {
  return Math.max(0, Math.min(255, Math.round(value)));
}
