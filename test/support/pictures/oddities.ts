import sharp, { type Sharp } from "sharp";
import { type DrawOptions, drawPhoto, encode, photoCanvas } from "./drawings.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** EXIF orientation, 1..8; the pixels are turned so that every one of them shows the same upright picture. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** Text that GPS and camera tags of exifJpeg carry, to search results for. */
export const EXIF_MARKER = "OnceoverTestCamera";

/** A photo as a phone writes it: turned by a tag, with camera and GPS tags and an ICC profile. */
export async function exifJpeg(
  orientation: Orientation,
  options: DrawOptions = {},
): Promise<Bytes> {
  const stored = turnBack(photoCanvas(options).toSharp(), orientation);
  const jpeg = await sharp(await stored.png().toBuffer())
    .withMetadata({ orientation, icc: "p3" })
    .withExifMerge({
      IFD0: { Make: EXIF_MARKER, Copyright: EXIF_MARKER },
      IFD3: { GPSLatitudeRef: "N", GPSLatitude: "51/1 30/1 0/1" },
    })
    .jpeg({ quality: options.quality ?? 90 })
    .toBuffer();
  return new Uint8Array(jpeg);
}

/** The inverse of each turn of TIFF 6.0, tag 274; sharp mirrors before it turns. */
function turnBack(upright: Sharp, orientation: Orientation): Sharp {
  switch (orientation) {
    case 1:
      return upright;
    case 2:
      return upright.flop();
    case 3:
      return upright.rotate(180);
    case 4:
      return upright.flip();
    case 5:
      return upright.rotate(270).flop();
    case 6:
      return upright.rotate(270);
    case 7:
      return upright.rotate(90).flop();
    case 8:
      return upright.rotate(90);
  }
}

/** Adobe-style four-colour JPEG. */
export async function cmykJpeg(options: DrawOptions = {}): Promise<Bytes> {
  return encode(photoCanvas(options).toSharp().toColourspace("cmyk"), options);
}

export async function sixteenBitPng(options: DrawOptions = {}): Promise<Bytes> {
  const picture = photoCanvas(options).toSharp().toColourspace("rgb16");
  return encode(picture, { ...options, format: "png" });
}

export async function greyJpeg(options: DrawOptions = {}): Promise<Bytes> {
  return encode(photoCanvas(options).toSharp().greyscale(), options);
}

/** A JPEG with a gain map for bright screens (ISO 21496-1), as Android phones write. */
export async function ultraHdrJpeg({ width = 64, height = 48 } = {}): Promise<Bytes> {
  const light = Float32Array.from({ length: width * height * 3 }, (_, at) => (at % 97) / 32);
  const picture = sharp(light, { raw: { width, height, channels: 3 } }).toColourspace("scrgb");
  // The method is new in sharp 0.35 and not in its types yet.
  const withGainMap = (picture as Sharp & { withGainMap(): Sharp }).withGainMap();
  return new Uint8Array(await withGainMap.jpeg().toBuffer());
}

/** A palette PNG; the left half is fully transparent black. */
export async function transparentPng({ width = 64, height = 48 } = {}): Promise<Bytes> {
  const pixels = new Uint8Array(width * height * 4);
  for (let y = 0; y < height; y++)
    for (let x = width / 2; x < width; x++) pixels.set([200, 30, 30, 255], (y * width + x) * 4);
  const picture = sharp(pixels, { raw: { width, height, channels: 4 } });
  return new Uint8Array(await picture.png({ palette: true }).toBuffer());
}

/** Three frames: red, green, blue. */
export async function animation(
  format: "gif" | "webp",
  { width = 64, height = 48 } = {},
): Promise<Bytes> {
  const pixels = new Uint8Array(width * height * 9);
  for (let at = 0; at < width * height * 3; at++)
    pixels[at * 3 + Math.floor(at / (width * height))] = 255;
  const raw = { width, height: height * 3, channels: 3, pageHeight: height } as const;
  const frames = sharp(pixels, { raw });
  const animated =
    format === "gif"
      ? frames.gif({ delay: [100, 100, 100] })
      : frames.webp({ lossless: true, delay: [100, 100, 100] });
  return new Uint8Array(await animated.toBuffer());
}

/** One black pixel. */
export async function onePixel(format: "png" | "jpeg" | "gif" | "webp" = "png"): Promise<Bytes> {
  const picture = sharp(new Uint8Array(3), { raw: { width: 1, height: 1, channels: 3 } });
  return encode(picture, { format });
}

/** Two JPEGs, the first with a Multi-Picture Format marker (CIPA DC-007): what many phones write. */
export async function mpo(options: DrawOptions = {}): Promise<Bytes> {
  const [first, second] = [
    await drawPhoto(options),
    await drawPhoto({ ...options, seed: (options.seed ?? 1) + 100 }),
  ];
  const tiffHeader = [0x49, 0x49, 0x2a, 0, 8, 0, 0, 0];
  const noEntries = [0, 0, 0, 0, 0, 0];
  const body = [...new TextEncoder().encode("MPF\0"), ...tiffHeader, ...noEntries];
  const segment = Uint8Array.from([0xff, 0xe2, 0, body.length + 2, ...body]);
  return join(first.subarray(0, 2), segment, first.subarray(2), second);
}

export function join(...parts: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
