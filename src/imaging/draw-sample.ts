import sharp from "sharp";

const WIDTH = 512;
const HEIGHT = 384;

type Colour = readonly [red: number, green: number, blue: number];

const SKY: Colour = [120, 180, 235];
const SUN: Colour = [255, 225, 90];
const MEADOW: Colour = [90, 165, 70];
const MOUNTAIN: Colour = [110, 100, 120];

/** A JPEG of a landscape that any vision model knows as one: mountains under a sun, a meadow in front. */
export async function drawSample(): Promise<Uint8Array> {
  const pixels = new Uint8Array(WIDTH * HEIGHT * 3);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) pixels.set(colourAt(x, y), (y * WIDTH + x) * 3);
  }
  return sharp(pixels, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
    .jpeg({ quality: 85 })
    .toBuffer();
}

function colourAt(x: number, y: number): Colour {
  if (y > 270 + 12 * Math.sin(x / 60)) return MEADOW;
  const ridge = Math.min(Math.abs(x - 150), Math.abs(x - 330) + 40);
  if (y > 110 + ridge) return MOUNTAIN;
  return Math.hypot(x - 430, y - 70) < 36 ? SUN : SKY;
}
