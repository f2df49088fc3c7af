/**
 * Draws the pictures that training and server must see alike, one for each thing that could set them
 * apart. Run once, `bun test/workers/golden/draw-pictures.ts`; afterwards `models/train/golden.py`.
 */
import { join } from "node:path";
import sharp from "sharp";
import { photoCanvas } from "../../support/pictures/drawings.ts";
import { exifJpeg } from "../../support/pictures.ts";

const FOLDER = join(import.meta.dir, "pictures");
const draw = (seed: number, width: number, height: number) =>
  photoCanvas({ seed, width, height }).toSharp();

/** Solid to the left, gone to the right. */
async function fadeOut(width: number, height: number): Promise<Buffer> {
  const alpha = Uint8Array.from({ length: width * height }, (_, at) => {
    return 255 - Math.round(((at % width) / width) * 255);
  });
  const mask = await sharp(alpha, { raw: { width, height, channels: 1 } })
    .png()
    .toBuffer();
  return draw(6, width, height).joinChannel(mask).png({ compressionLevel: 9 }).toBuffer();
}

const lying = await draw(3, 200, 320).rotate(270).png().toBuffer();
const pictures: Record<string, Uint8Array> = {
  "wide.jpg": await draw(1, 480, 160).jpeg().toBuffer(),
  "tall.jpg": await draw(2, 160, 480).jpeg().toBuffer(),
  "turned.jpg": await sharp(lying).withMetadata({ orientation: 6 }).jpeg().toBuffer(),
  "small.png": await draw(4, 60, 40).png().toBuffer(),
  "grey.jpg": await draw(5, 256, 192).greyscale().jpeg().toBuffer(),
  "alpha.png": await fadeOut(192, 144),
  "display-p3.jpg": await exifJpeg(1, { seed: 7, width: 256, height: 192 }),
  // As apps upload: here a decoder may take a short cut to a fraction of the size.
  "large.jpg": await draw(8, 1024, 768).jpeg({ quality: 60 }).toBuffer(),
};
for (const [name, bytes] of Object.entries(pictures)) await Bun.write(join(FOLDER, name), bytes);
