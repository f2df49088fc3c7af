/** A format we decode. MPO is a JPEG followed by further pictures; the first one counts. */
export type PictureFormat = "jpeg" | "png" | "webp" | "gif" | "avif";

/** Major brands of ISO base media files that say nothing of the codec; the compatible brands do. */
const CONTAINER_BRANDS = new Set(["mif1", "msf1", "miaf"]);
const AVIF_BRANDS = new Set(["avif", "avis"]);
/** Brands of HEVC and its successors, which need decoders that we don't carry. */
const FOREIGN_BRANDS = /^(?:hei|hev|hvc|vvi|j2k|jpg)/;

/**
 * Names a picture's format by its first bytes; null when it is none that we read. File names and
 * content types are never asked: both are the client's word.
 */
export function sniffFormat(bytes: Uint8Array): PictureFormat | null {
  if (startsWith(bytes, [0xff, 0xd8, 0xff])) return "jpeg";
  if (startsWith(bytes, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return "png";
  const head = ascii(bytes, 0, 12);
  if (head.startsWith("RIFF") && head.slice(8) === "WEBP") return "webp";
  if (head.startsWith("GIF87a") || head.startsWith("GIF89a")) return "gif";
  if (head.slice(4, 8) === "ftyp" && isAvif(bytes)) return "avif";
  return null;
}

/** Reads the file type box (ISO/IEC 14496-12, 4.3): size, `ftyp`, major brand, version, brands. */
function isAvif(bytes: Uint8Array): boolean {
  const size = (bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!;
  if (size < 16 || size > 256 || size > bytes.length) return false;
  const majorBrand = ascii(bytes, 8, 12);
  if (AVIF_BRANDS.has(majorBrand)) return true;
  if (!CONTAINER_BRANDS.has(majorBrand)) return false;
  const brands: string[] = [];
  for (let at = 16; at + 4 <= size; at += 4) brands.push(ascii(bytes, at, at + 4));
  return (
    brands.some((brand) => AVIF_BRANDS.has(brand)) &&
    !brands.some((brand) => FOREIGN_BRANDS.test(brand))
  );
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, index) => bytes[index] === byte);
}

function ascii(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to));
}
