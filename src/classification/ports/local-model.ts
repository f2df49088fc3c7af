import type { ThumbnailShape } from "../thumbnail.ts";
import type { Outcome } from "./outcome.ts";
import type { PictureFailure, PictureGlance } from "./picture-reader.ts";

export type LocalModelFailure = PictureFailure | "timeout" | "worker_crashed" | "closed";

export interface LocalModelAnswer {
  /** Probability of each of the model's labels, 0..1. */
  labels: Record<string, number>;
}

/** Facts about the local model that the domain maps by. */
export interface LocalModelCard {
  name: string;
  version: string;
  /** Model label to the category key that it means in the default taxonomy. */
  categories: Record<string, string>;
  /** Confidence under which an answer counts as unsure, 0..1. */
  unsure: number;
}

/** An upload as a local model looks at it. */
export interface LocalPicture {
  /** As they came. */
  bytes: Uint8Array;
  /** By PictureReader; decoded when first asked for, and once. */
  glance(): Promise<Outcome<PictureGlance, PictureFailure>>;
}

export interface LocalModel {
  readonly card: LocalModelCard;
  /** A thumbnail of this shape is all it looks at; null: it decodes by itself. */
  readonly thumbnailShape: ThumbnailShape | null;
  /** Settles by `deadlineAt`, milliseconds since the epoch. */
  classify(
    picture: LocalPicture,
    deadlineAt: number,
  ): Promise<Outcome<LocalModelAnswer, LocalModelFailure>>;
  /** Whether at least one worker can take tasks. */
  isAvailable(): boolean;
}
