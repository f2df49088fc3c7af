import type { ModelManifest } from "./manifest.ts";

/** A model's file and what is known of it. */
export interface ModelPlace {
  modelsDir: string;
  manifest: ModelManifest;
}

/** First message to a worker: load the models, then say `ready` or `broken`. */
export interface OpenMessage {
  type: "open";
  models: readonly ModelPlace[];
  /** See native-guard.ts. */
  guard: SharedArrayBuffer;
}

/** What one model is shown of a picture. */
export interface ModelView {
  /** Which of the open models, by its place among them. */
  model: number;
  /** As fitPicture makes them; the buffer is transferred. */
  pixels: Uint8Array<ArrayBuffer>;
}

/** One picture; at most one is with a worker at a time. */
export interface InferMessage {
  type: "infer";
  /** Echoed in the reply. */
  taskId: number;
  views: readonly ModelView[];
}

export type ToWorker = OpenMessage | InferMessage;

export type FromWorker =
  | { type: "ready" }
  /** A model cannot be loaded; the worker is of no use. */
  | { type: "broken"; detail: string }
  /** For each view, probabilities in the order of its model's labels. */
  | { type: "answer"; taskId: number; probabilities: number[][] }
  | { type: "failed"; taskId: number; detail: string }
  /** Reply to being condemned within native code: it is left now, the worker may be terminated. */
  | { type: "yielded" };
