/**
 * Difference hash of a picture: 64 bits, one per pair of horizontal neighbours in a 9x8 luminance
 * thumbnail, row by row, most significant bit first; 16 lower-case hex characters.
 * Source: N. Krawetz, "Kind of Like That", hackerfactor.com, 2013.
 */
export type PictureHash = string & { readonly __brand: "PictureHash" };

export const THUMBNAIL_WIDTH = 9;
export const THUMBNAIL_HEIGHT = 8;

/** `luminance`: 72 bytes, 9x8 row-major. A bit is set where the left pixel is brighter than the right. */
export function differenceHash(luminance: Uint8Array): PictureHash {
  let hex = "";
  for (let row = 0; row < THUMBNAIL_HEIGHT; row++) {
    let bits = 0;
    for (let column = 0; column < THUMBNAIL_WIDTH - 1; column++) {
      const at = row * THUMBNAIL_WIDTH + column;
      bits = (bits << 1) | (luminance[at]! > luminance[at + 1]! ? 1 : 0);
    }
    hex += bits.toString(16).padStart(2, "0");
  }
  return hex as PictureHash;
}

/** Number of differing bits, 0..64. */
export function hammingDistance(a: PictureHash, b: PictureHash): number {
  return (
    popCount(parseInt(a.slice(0, 8), 16) ^ parseInt(b.slice(0, 8), 16)) +
    popCount(parseInt(a.slice(8), 16) ^ parseInt(b.slice(8), 16))
  );
}

function popCount(word: number): number {
  let count = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) count++;
  return count;
}
