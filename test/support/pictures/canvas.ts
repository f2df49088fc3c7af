import sharp, { type Sharp } from "sharp";

export type Colour = readonly [red: number, green: number, blue: number];

/** A raw RGB picture to draw on. Nothing here needs a decoder, so blocked ones don't matter. */
export class Canvas {
  readonly pixels: Uint8Array;

  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.pixels = new Uint8Array(width * height * 3);
  }

  /** Sets every pixel of a rectangle, given in parts of the picture (0..1). */
  paint(
    area: readonly [left: number, top: number, right: number, bottom: number],
    colourAt: (x: number, y: number) => Colour | null,
  ): void {
    const [left, top, right, bottom] = area;
    const endX = Math.min(this.width, Math.round(right * this.width));
    const endY = Math.min(this.height, Math.round(bottom * this.height));
    for (let y = Math.max(0, Math.round(top * this.height)); y < endY; y++) {
      for (let x = Math.max(0, Math.round(left * this.width)); x < endX; x++) {
        const colour = colourAt(x / this.width, y / this.height);
        if (colour !== null) this.pixels.set(colour, (y * this.width + x) * 3);
      }
    }
  }

  rectangle(area: readonly [number, number, number, number], colour: Colour): void {
    this.paint(area, () => colour);
  }

  /** Radii in parts of the width and of the height. */
  ellipse(
    centreX: number,
    centreY: number,
    radiusX: number,
    radiusY: number,
    colour: Colour,
  ): void {
    const area = [
      centreX - radiusX,
      centreY - radiusY,
      centreX + radiusX,
      centreY + radiusY,
    ] as const;
    this.paint(area, (x, y) =>
      ((x - centreX) / radiusX) ** 2 + ((y - centreY) / radiusY) ** 2 <= 1 ? colour : null,
    );
  }

  toSharp(): Sharp {
    const { pixels, width, height } = this;
    return sharp(pixels, { raw: { width, height, channels: 3 } });
  }
}

/** Mulberry32 (T. Ettinger, public domain): a small seeded generator of numbers in [0, 1). */
export function createRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
