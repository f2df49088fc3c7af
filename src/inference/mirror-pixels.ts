/** Swaps left and right of RGB pixels, row by row, in place. */
export function mirrorPixels(pixels: Uint8Array, width: number): void {
  const stride = width * 3;
  for (let row = 0; row < pixels.length; row += stride) {
    for (let left = row, right = row + stride - 3; left < right; left += 3, right -= 3) {
      for (let channel = 0; channel < 3; channel++) {
        const kept = pixels[left + channel]!;
        pixels[left + channel] = pixels[right + channel]!;
        pixels[right + channel] = kept;
      }
    }
  }
}
