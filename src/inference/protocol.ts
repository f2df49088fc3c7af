import type { ModelManifest } from "./manifest.ts";

/** First message to a worker: load the model, then say `ready` or `broken`. */
export interface OpenMessage {
  type: "open";
  modelsDir: string;
  manifest: ModelManifest;
  /** See native-guard.ts. */
  guard: SharedArrayBuffer;
}

/** One picture; at most one is with a worker at a time. */
export interface InferMessage {
  type: "infer";
  /** Echoed in the reply. */
  taskId: number;
  /** As fitPicture makes them; the buffer is transferred. */
  pixels: Uint8Array<ArrayBuffer>;
}

export type ToWorker = OpenMessage | InferMessage;

export type FromWorker =
  | { type: "ready" }
  /** The model cannot be loaded; the worker is of no use. */
  | { type: "broken"; detail: string }
  /** Probabilities in the order of the manifest's labels. */
  | { type: "answer"; taskId: number; probabilities: number[] }
  | { type: "failed"; taskId: number; detail: string }
  /** Reply to being condemned within native code: it is left now, the worker may be terminated. */
  | { type: "yielded" };
