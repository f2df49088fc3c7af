import { decimal, integer } from "./setting-kinds.ts";

/** Bounds of what is uploaded. */
export const UPLOAD_SETTINGS = {
  MAX_IMAGE_SIZE_MB: decimal(0.01, 100, {
    fallback: "10",
    about: "Largest upload of one picture, in MiB.",
  }),
  MAX_IMAGE_MEGAPIXELS: integer(1, 1_000, {
    fallback: "64",
    about: "Largest picture that is decoded, in megapixels.",
  }),
  MAX_UPLOAD_MEMORY_MB: integer(16, 65_536, {
    fallback: "1024",
    about: "Uploads held in memory at once, in MiB; more are asked to come back later.",
  }),
};
