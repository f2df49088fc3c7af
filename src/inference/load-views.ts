import type { LocalModelFailure, LocalPicture } from "../classification/ports/local-model.ts";
import type { Outcome } from "../classification/ports/outcome.ts";
import type { ThumbnailShape } from "../classification/thumbnail.ts";
import type { DecodeLimits } from "../imaging/decoder.ts";
import { fitPicture } from "./fit-picture.ts";
import type { FurtherView, ModelInput } from "./manifest.ts";
import { mirrorPixels } from "./mirror-pixels.ts";
import type { ModelPlace, ModelView } from "./protocol.ts";

/** Something that a model is to be shown of a picture. */
export interface PlannedView {
  /** By its place among the models. */
  model: number;
  view: "whole" | FurtherView;
}

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

/** Decodes what is planned; fails where any of it does. */
export async function loadViews(
  picture: LocalPicture,
  models: readonly ModelPlace[],
  plan: readonly PlannedView[],
  limits: DecodeLimits,
): Promise<Outcome<readonly ModelView[], LocalModelFailure>> {
  const shared = sharedShape(models);
  const views: ModelView[] = [];
  for (const { model, view } of plan) {
    const { input } = models[model]!.manifest;
    const isWhole = view === "whole" || view === "mirror";
    const isShared = isWhole && shared !== null && Bun.deepEquals(shapeOf(input), shared);
    const loaded = isShared
      ? await copyThumbnail(picture)
      : await fitPicture(picture.bytes, input, limits, isWhole ? "whole" : view);
    if (!loaded.ok) return loaded;
    if (view === "mirror") mirrorPixels(loaded.value, input.width);
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
