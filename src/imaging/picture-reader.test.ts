import { afterAll, describe, expect, test } from "bun:test";
import sharp from "sharp";
import * as pictures from "../../test/support/pictures.ts";
import { hammingDistance } from "../classification/picture-hash.ts";
import type { PreparedPicture } from "../classification/ports/picture-reader.ts";
import { createPictureReader } from "./picture-reader.ts";

const MAX_PIXELS = 20_000_000;
/** What counts as the same picture where aliases are corroborated, in bits. */
const ALIKE = 6;

const reader = createPictureReader({ maxPixels: MAX_PIXELS, concurrency: 2, maxQueued: 100 });
afterAll(() => reader.close());

async function prepare(bytes: Uint8Array): Promise<PreparedPicture> {
  const [jpeg, glance] = await Promise.all([reader.encode(bytes), reader.glance(bytes)]);
  if (!jpeg.ok) throw new Error(`${jpeg.reason}: ${jpeg.detail}`);
  if (!glance.ok) throw new Error(`${glance.reason}: ${glance.detail}`);
  return { jpeg: jpeg.value, pictureHash: glance.value.pictureHash };
}

/** Both ways of reading must refuse alike; the glance comes first in the product. */
async function rejectionOf(bytes: Uint8Array): Promise<string> {
  const [encoded, glance] = await Promise.all([reader.encode(bytes), reader.glance(bytes)]);
  expect(glance.ok || glance.reason).toBe(encoded.ok || encoded.reason);
  return glance.ok ? "prepared" : glance.reason;
}

/** Colour of the prepared picture at a point given in parts of it, 0..1. */
async function colourAt({ jpeg }: PreparedPicture, x: number, y: number): Promise<number[]> {
  const { data, info } = await sharp(jpeg).raw().toBuffer({ resolveWithObject: true });
  const at = (Math.floor(y * info.height) * info.width + Math.floor(x * info.width)) * 3;
  return [...data.subarray(at, at + 3)];
}

function expectColour(actual: number[], expected: number[], tolerance = 12): void {
  for (const [index, value] of expected.entries())
    expect(Math.abs(actual[index]! - value)).toBeLessThanOrEqual(tolerance);
}

describe("a prepared picture", () => {
  test("is a JPEG of at most 1024 px on its long side", async () => {
    const { jpeg } = await prepare(await pictures.drawPhoto({ width: 1600, height: 1200 }));
    const header = await sharp(jpeg).metadata();
    expect(header).toMatchObject({ format: "jpeg", width: 1024, height: 768, space: "srgb" });
  });

  test("is never enlarged", async () => {
    const { jpeg } = await prepare(await pictures.drawPhoto({ width: 90, height: 200 }));
    expect(await sharp(jpeg).metadata()).toMatchObject({ width: 90, height: 200 });
  });

  test("keeps nothing of the original but its pixels", async () => {
    const original = await pictures.exifJpeg(6);
    expect(Buffer.from(original).includes(pictures.EXIF_MARKER)).toBe(true);
    const { jpeg } = await prepare(original);
    const header = await sharp(jpeg).metadata();
    expect(Object.keys(header)).not.toContainAnyValues(["exif", "icc", "xmp", "iptc", "comments"]);
    expect(header.orientation).toBeUndefined();
    for (const trace of [pictures.EXIF_MARKER, "Exif", "ICC_PROFILE", "http"])
      expect(Buffer.from(jpeg).includes(trace)).toBe(false);
  });

  for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8] as const) {
    test(`is upright when its EXIF orientation is ${orientation}`, async () => {
      const upright = await prepare(await pictures.drawPhoto({ seed: 7 }));
      const turned = await prepare(await pictures.exifJpeg(orientation, { seed: 7 }));
      expect(await sharp(turned.jpeg).metadata()).toMatchObject({ width: 640, height: 480 });
      expect(hammingDistance(upright.pictureHash, turned.pictureHash)).toBeLessThanOrEqual(ALIKE);
    });
  }

  test("has the colours of a CMYK, a 16-bit and a grey original", async () => {
    const reference = await prepare(await pictures.drawPhoto({ seed: 3 }));
    const wanted = await colourAt(reference, 0.5, 0.1);
    const deep = await prepare(await pictures.sixteenBitPng({ seed: 3 }));
    expectColour(await colourAt(deep, 0.5, 0.1), wanted, 20);
    const printed = await prepare(await pictures.cmykJpeg({ seed: 3 }));
    expectColour(await colourAt(printed, 0.5, 0.1), wanted, 60);
    const grey = await prepare(await pictures.greyJpeg({ seed: 3 }));
    const [red, green, blue] = await colourAt(grey, 0.5, 0.1);
    expect([green, blue]).toEqual([red, red]);
    expect(hammingDistance(grey.pictureHash, reference.pictureHash)).toBeLessThanOrEqual(ALIKE);
  });

  test("is white where the original is transparent", async () => {
    const picture = await prepare(await pictures.transparentPng());
    expectColour(await colourAt(picture, 0.2, 0.5), [255, 255, 255]);
    expectColour(await colourAt(picture, 0.8, 0.5), [200, 30, 30]);
  });

  for (const format of ["gif", "webp"] as const) {
    test(`is the first frame of an animated ${format}`, async () => {
      const picture = await prepare(await pictures.animation(format));
      expect(await sharp(picture.jpeg).metadata()).toMatchObject({ width: 64, height: 48 });
      expectColour(await colourAt(picture, 0.5, 0.5), [255, 0, 0]);
    });
  }

  test("is the first picture of an MPO", async () => {
    const first = await prepare(await pictures.drawPhoto({ seed: 5 }));
    const both = await prepare(await pictures.mpo({ seed: 5 }));
    expect(both.jpeg).toEqual(first.jpeg);
  });

  test("is the standard-range picture of an Ultra HDR JPEG", async () => {
    const original = await pictures.ultraHdrJpeg();
    expect(Buffer.from(original).includes("21496")).toBe(true);
    const { jpeg } = await prepare(original);
    expect(await sharp(jpeg).metadata()).toMatchObject({ width: 64, height: 48, space: "srgb" });
    expect(Buffer.from(jpeg).includes("21496")).toBe(false);
  });

  for (const format of ["png", "jpeg", "gif", "webp"] as const) {
    test(`comes from a single pixel of ${format} too`, async () => {
      const { jpeg } = await prepare(await pictures.onePixel(format));
      expect(await sharp(jpeg).metadata()).toMatchObject({ width: 1, height: 1 });
    });
  }

  test("comes from a polyglot without its other half", async () => {
    const { jpeg } = await prepare(await pictures.jpegPolyglot());
    expect(Buffer.from(jpeg).includes("<script>")).toBe(false);
    expect(Buffer.from(jpeg).includes("PK")).toBe(false);
  });
});

describe("the picture hash", () => {
  const drawings = {
    photo: (options: pictures.DrawOptions) =>
      pictures.drawPhoto({ ...options, width: 2000, height: 1500 }),
    screenshot: pictures.drawScreenshot,
    card: pictures.drawIdCard,
  };
  for (const [name, draw] of Object.entries(drawings)) {
    for (const seed of [11, 12, 13]) {
      test(`survives re-encoding: ${name} ${seed}`, async () => {
        const original = await draw({ seed, format: "jpeg", quality: 95 });
        const { pictureHash } = await prepare(original);
        const small = sharp(original).resize(1024, 1024, { fit: "inside" });
        const copies = [
          await small.clone().jpeg({ quality: 80 }).toBuffer(),
          await small.clone().webp({ quality: 75 }).toBuffer(),
          await sharp(original).resize(640).jpeg({ quality: 60 }).toBuffer(),
        ];
        for (const copy of copies) {
          const distance = hammingDistance(pictureHash, (await prepare(copy)).pictureHash);
          expect(distance).toBeLessThanOrEqual(ALIKE);
        }
      });
    }
  }

  test("is nearly the same whatever shape of thumbnail a model asks for", async () => {
    for (const draw of Object.values(drawings)) {
      const bytes = await draw({ seed: 14, format: "jpeg" });
      const { pictureHash } = await prepare(bytes);
      for (const side of [96, 112, 144, 160]) {
        const shape = { width: side, height: side, kernel: "cubic" } as const;
        const glance = await reader.glance(bytes, shape);
        if (!glance.ok) throw new Error(glance.detail);
        expect(hammingDistance(pictureHash, glance.value.pictureHash)).toBeLessThanOrEqual(ALIKE);
      }
    }
  });

  test("tells different pictures apart", async () => {
    const one = await prepare(await pictures.drawPhoto({ seed: 21 }));
    const other = await prepare(await pictures.drawPhoto({ seed: 22 }));
    expect(hammingDistance(one.pictureHash, other.pictureHash)).toBeGreaterThan(ALIKE);
  });
});

describe("an upload is refused", () => {
  const foreign = {
    "an SVG": pictures.svg(),
    "an HEIC file": pictures.heicHeader(),
    "a PDF": pictures.pdf(),
    "a TIFF": pictures.tiffHeader(),
    text: pictures.plainText(),
    "an empty file": pictures.emptyFile(),
  };
  for (const [name, bytes] of Object.entries(foreign)) {
    test(`as unsupported: ${name}`, async () => {
      expect(await rejectionOf(bytes)).toBe("unsupported_format");
    });
  }

  test("as corrupt, where it is cut off or scrambled", async () => {
    expect(await rejectionOf(await pictures.truncatedJpeg(0.5))).toBe("corrupt");
    expect(await rejectionOf(await pictures.truncatedJpeg(0.97))).toBe("corrupt");
    expect(await rejectionOf(await pictures.truncatedJpeg(0.01))).toBe("corrupt");
    expect(await rejectionOf(await pictures.scrambledJpeg())).toBe("corrupt");
    expect(await rejectionOf(pictures.avifHeader())).toBe("corrupt");
    for (const format of ["png", "webp", "gif", "avif"] as const)
      expect(await rejectionOf(await pictures.truncatedJpeg(0.6, { format }))).toBe("corrupt");
  });

  test("as a script in a GIF's clothes", async () => {
    expect(await rejectionOf(pictures.gifScriptPolyglot())).toMatch(/corrupt|too_many_pixels/);
  });

  test("as too large by its header alone, without the memory it claims", async () => {
    const before = process.memoryUsage.rss();
    for (let round = 0; round < 50; round++) {
      expect(await rejectionOf(pictures.hugeGif(16))).toMatch(/corrupt|too_many_pixels/);
      expect(await rejectionOf(pictures.hugePng())).toBe("too_many_pixels");
      expect(await rejectionOf(pictures.hugeGif())).toBe("too_many_pixels");
    }
    expect(process.memoryUsage.rss() - before).toBeLessThan(50_000_000);
  });

  test("as too large by one row of pixels", async () => {
    const small = createPictureReader({ maxPixels: 100 * 100, concurrency: 1, maxQueued: 0 });
    const fits = await small.encode(await pictures.drawPhoto({ width: 100, height: 100 }));
    expect(fits.ok).toBe(true);
    const over = await small.encode(await pictures.drawPhoto({ width: 100, height: 101 }));
    expect(over).toMatchObject({ ok: false, reason: "too_many_pixels" });
    await small.close();
  });
});

describe("under load", () => {
  test("answers overloaded beyond its queue, and every other picture", async () => {
    const narrow = createPictureReader({ maxPixels: MAX_PIXELS, concurrency: 1, maxQueued: 2 });
    const photo = await pictures.drawPhoto();
    const outcomes = await Promise.all(Array.from({ length: 6 }, () => narrow.encode(photo)));
    const reasons = outcomes.map((outcome) => (outcome.ok ? "prepared" : outcome.reason));
    expect(reasons.filter((reason) => reason === "prepared")).toHaveLength(3);
    expect(reasons.filter((reason) => reason === "overloaded")).toHaveLength(3);
    await narrow.close();
  });

  test("sheds what waited longer than the time limit", async () => {
    const impatient = createPictureReader({
      maxPixels: MAX_PIXELS,
      concurrency: 1,
      maxQueued: 5,
      timeoutMs: 1,
    });
    const photo = await pictures.drawPhoto();
    const [first, second] = await Promise.all([impatient.encode(photo), impatient.encode(photo)]);
    expect(first.ok).toBe(true);
    expect(second).toMatchObject({ ok: false, reason: "overloaded" });
    await impatient.close();
  });

  test("close lets decodes end, turns the queue away, and refuses what comes later", async () => {
    const closing = createPictureReader({ maxPixels: MAX_PIXELS, concurrency: 1, maxQueued: 5 });
    const photo = await pictures.drawPhoto();
    const running = closing.encode(photo);
    const queued = closing.encode(photo);
    await closing.close();
    expect((await running).ok).toBe(true);
    expect(await queued).toMatchObject({ ok: false, reason: "overloaded" });
    expect(await closing.encode(photo)).toMatchObject({ ok: false, reason: "overloaded" });
  });
});
