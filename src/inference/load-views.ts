import type { LocalModelFailure, LocalPicture, Outcome } from "../classification/ports.ts";
import type { ThumbnailShape } from "../classification/thumbnail.ts";
import type { DecodeLimits } from "../imaging/decoder.ts";
import { fitPicture } from "./fit-picture.ts";
import type { ModelInput } from "./manifest.ts";
import type { ModelPlace, ModelView } from "./protocol.ts";

/** Smaller ones would show too little to make picture hashes of. */
const MIN_THUMBNAIL_SIDE = 64;

/**
 * The thumbnail that serves the picture hash and one of the models, or more; null where none can share
 * it: only a model that is shown the whole picture, distorted, can.
 */
export function sharedShape(models: readonly ModelPlace[]): ThumbnailShape | null {
  const shapes = models.map(({ manifest }) => shapeOf(manifest.input));
  return shapes.find((shape) => shape !== null) ?? null;
}

/** What every model is shown at first. */
export async function loadViews(
  picture: LocalPicture,
  models: readonly ModelPlace[],
  limits: DecodeLimits,
): Promise<Outcome<readonly ModelView[], LocalModelFailure>> {
  const shared = sharedShape(models);
  const views: ModelView[] = [];
  for (const [model, { manifest }] of models.entries()) {
    const isShared = shared !== null && Bun.deepEquals(shapeOf(manifest.input), shared);
    const loaded = isShared
      ? await copyThumbnail(picture)
      : await fitPicture(picture.bytes, manifest.input, limits);
    if (!loaded.ok) return loaded;
    views.push({ model, pixels: loaded.value });
  }
  return { ok: true, value: views };
}

function shapeOf({ resize, width, height, kernel }: ModelInput): ThumbnailShape | null {
  const isShared = resize === "fill" && Math.min(width, height) >= MIN_THUMBNAIL_SIDE;
  return isShared ? { width, height, kernel } : null;
}

/** A copy, as the worker takes its buffer away. */
async function copyThumbnail(
  picture: LocalPicture,
): Promise<Outcome<Uint8Array<ArrayBuffer>, LocalModelFailure>> {
  const glance = await picture.glance();
  return glance.ok ? { ok: true, value: new Uint8Array(glance.value.thumbnail.pixels) } : glance;
}
