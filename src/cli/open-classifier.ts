import type {
  LocalModelAnswer,
  LocalModelCard,
  LocalModelFailure,
} from "../classification/ports/local-model.ts";
import type { Outcome } from "../classification/ports/outcome.ts";
import { createPictureReader } from "../imaging/picture-reader.ts";
import { type LocalModelOptions, openLocalModel } from "../inference/open-local-model.ts";

/** Local models and the decoder before them, put together as in the server. */
export interface Classifier {
  card: LocalModelCard;
  /** Settles within `timeoutMs`. */
  classify(
    bytes: Uint8Array,
    timeoutMs: number,
  ): Promise<Outcome<LocalModelAnswer, LocalModelFailure>>;
  close(): Promise<void>;
}

const CLOSE_MS = 5000;

/** Opens models for a program that has no server around them. Throws ModelLoadError. */
export async function openClassifier(options: LocalModelOptions): Promise<Classifier> {
  const { workers, maxQueued, maxPixels } = options;
  const model = await openLocalModel(options);
  const reader = createPictureReader({ maxPixels, concurrency: workers, maxQueued });
  const shape = model.thumbnailShape ?? undefined;
  return {
    card: model.card,
    classify: (bytes, timeoutMs) =>
      model.classify({ bytes, glance: () => reader.glance(bytes, shape) }, Date.now() + timeoutMs),
    async close() {
      await model.close(CLOSE_MS);
      await reader.close();
    },
  };
}
