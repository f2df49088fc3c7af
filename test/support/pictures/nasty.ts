import { type DrawOptions, drawPhoto } from "./drawings.ts";
import { join } from "./oddities.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A good JPEG of which only the first `part` (0..1) arrived. */
export async function truncatedJpeg(part = 0.5, options: DrawOptions = {}): Promise<Bytes> {
  const whole = await drawPhoto(options);
  return whole.slice(0, Math.floor(whole.length * part));
}

/** A JPEG whose header is whole and whose second half is overwritten. */
export async function scrambledJpeg(options: DrawOptions = {}): Promise<Bytes> {
  const bytes = await drawPhoto(options);
  return bytes.fill(0xff, Math.floor(bytes.length / 2));
}

/** A few bytes that claim an enormous picture; decoded naively, 60,000 x 60,000 px are 10 GB. */
export function hugePng(width = 60_000, height = 60_000): Bytes {
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8);
  header.setUint8(9, 2);
  const signature = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const row = Bun.deflateSync(new Uint8Array(1000), { windowBits: 15, library: "zlib" });
  return join(
    signature,
    pngChunk("IHDR", new Uint8Array(header.buffer)),
    pngChunk("IDAT", row),
    pngChunk("IEND", new Uint8Array(0)),
  );
}

/** A GIF whose frame claims 65,535 x 65,535 px, and its screen as much or next to nothing. */
export function hugeGif(screenSide = 0xffff): Bytes {
  const side = [screenSide & 0xff, screenSide >> 8];
  const screen = [...side, ...side, 0x80, 0, 0, 0, 0, 0, 255, 255, 255];
  const frame = [0x2c, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 2, 2, 0x44, 1, 0, 0x3b];
  return join(ascii("GIF89a"), Uint8Array.from([...screen, ...frame]));
}

/** A JPEG that is also a ZIP archive and an HTML page, to readers that look for either. */
export async function jpegPolyglot(options: DrawOptions = {}): Promise<Bytes> {
  const emptyZip = join(ascii("PK\u0005\u0006"), new Uint8Array(18));
  return join(await drawPhoto(options), ascii("<html><script>alert(1)</script></html>"), emptyZip);
}

/** Runs as a script, in which the head of a GIF is a variable and a comment. */
export function gifScriptPolyglot(): Bytes {
  return ascii("GIF89a/*\u0000\u0000\u0000\u0000*/=1;alert(1)//;");
}

/** A page with a JPEG behind it: starts as something else. */
export async function htmlPolyglot(): Promise<Bytes> {
  return join(ascii("<html><!--"), await drawPhoto());
}

/** A PNG under the name of a JPEG. */
export async function wrongExtension(): Promise<{ filename: string; bytes: Bytes }> {
  return { filename: "photo.jpg", bytes: await drawPhoto({ format: "png" }) };
}

export function svg(): Bytes {
  return ascii('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect/></svg>');
}

/** The file type box of an iPhone photo, without the photo. */
export function heicHeader(): Bytes {
  return fileTypeBox("heic", ["mif1", "heic"]);
}

/** The head of an AVIF file whose boxes are missing. */
export function avifHeader(): Bytes {
  return fileTypeBox("avif", ["mif1", "avif"]);
}

export function pdf(): Bytes {
  return ascii("%PDF-1.7\n1 0 obj\n<<>>\nendobj\n");
}

export function tiffHeader(): Bytes {
  return Uint8Array.from([0x49, 0x49, 0x2a, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
}

export function plainText(): Bytes {
  return ascii("This is not a picture.");
}

export function emptyFile(): Bytes {
  return new Uint8Array(0);
}

function fileTypeBox(major: string, compatible: readonly string[]): Bytes {
  const size = Uint8Array.from([0, 0, 0, 16 + compatible.length * 4]);
  return join(size, ascii(`ftyp${major}\0\0\0\0${compatible.join("")}`), new Uint8Array(64));
}

function pngChunk(type: string, data: Uint8Array): Bytes {
  const body = join(ascii(type), data);
  const frame = new DataView(new ArrayBuffer(8));
  frame.setUint32(0, data.length);
  frame.setUint32(4, Bun.hash.crc32(body));
  return join(new Uint8Array(frame.buffer, 0, 4), body, new Uint8Array(frame.buffer, 4, 4));
}

function ascii(text: string): Bytes {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
