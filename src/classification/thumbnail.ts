/** How the whole of an upload becomes a small picture; its proportions are given up. */
export interface ThumbnailShape {
  /** In pixels, 32 at least: picture hashes are made of it. */
  width: number;
  height: number;
  kernel: "cubic" | "lanczos3" | "linear" | "nearest";
}

export interface Thumbnail {
  shape: ThumbnailShape;
  /** RGB, 8 bits a channel, row by row: `width * height * 3` bytes. Shared by all who look at them. */
  pixels: Uint8Array;
}
