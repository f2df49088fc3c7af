import { resolve } from "node:path";
import type {
  LocalModel,
  LocalModelFailure,
  LocalPicture,
  Outcome,
} from "../classification/ports.ts";
import type { ThumbnailShape } from "../classification/thumbnail.ts";
import type { DecodeLimits } from "../imaging/decoder.ts";
import { fitPicture } from "./fit-picture.ts";
import { type ModelInput, readManifest, readModel } from "./manifest.ts";
import { type PoolStats, WorkerPool, type WorkerPoolOptions } from "./worker-pool.ts";

export interface LocalModelOptions extends Omit<WorkerPoolOptions, "open"> {
  modelsDir: string;
  /** Which `<name>.json` of the directory. */
  name: string;
  /** Largest picture that is decoded, width times height; default 64,000,000. */
  maxPixels?: number;
  /** Bounds a picture's decoding; default 10,000. */
  decodeTimeoutMs?: number;
}

export interface OpenLocalModel extends LocalModel {
  stats(): PoolStats;
  /** Finishes what it has for up to `deadlineMs`, answers the rest `closed`. Safe to call twice. */
  close(deadlineMs: number): Promise<void>;
}

const DEFAULT_MAX_PIXELS = 64_000_000;
const DEFAULT_DECODE_TIMEOUT_MS = 10_000;

/**
 * Opens the model that `<modelsDir>/<name>.json` describes. Resolves when manifest and checksum are
 * proven, while the workers are still warming up: tasks wait for them. Throws ModelLoadError.
 */
export async function openLocalModel(options: LocalModelOptions): Promise<OpenLocalModel> {
  const { name, maxPixels = DEFAULT_MAX_PIXELS } = options;
  const modelsDir = resolve(options.modelsDir);
  const manifest = await readManifest(modelsDir, name);
  await readModel(modelsDir, manifest);
  const pool = new WorkerPool({ ...options, open: { type: "open", modelsDir, manifest } });
  const limits = { maxPixels, timeoutMs: options.decodeTimeoutMs ?? DEFAULT_DECODE_TIMEOUT_MS };
  const { version, categories, unsure, labels } = manifest;
  return {
    card: { name: manifest.name, version, categories, unsure },
    thumbnailShape: shapeOf(manifest.input),
    async classify(picture, deadlineAt) {
      const answer = await pool.run(() => load(picture, manifest.input, limits), deadlineAt);
      if (!answer.ok) return answer;
      const probabilities = labels.map((label, index) => [label, answer.value[index]!] as const);
      return { ok: true, value: { labels: Object.fromEntries(probabilities) } };
    },
    isAvailable: () => pool.isAvailable(),
    stats: () => pool.stats(),
    close: (deadlineMs) => pool.close(deadlineMs),
  };
}

/** Smaller ones would show too little to make picture hashes of. */
const MIN_THUMBNAIL_SIDE = 64;

/** A model that is shown the whole picture, distorted, can share the thumbnail of the picture hash. */
function shapeOf({ resize, width, height, kernel }: ModelInput): ThumbnailShape | null {
  const isShared = resize === "fill" && Math.min(width, height) >= MIN_THUMBNAIL_SIDE;
  return isShared ? { width, height, kernel } : null;
}

async function load(
  picture: LocalPicture,
  input: ModelInput,
  limits: DecodeLimits,
): Promise<Outcome<Uint8Array<ArrayBuffer>, LocalModelFailure>> {
  if (shapeOf(input) === null) return fitPicture(picture.bytes, input, limits);
  const glance = await picture.glance();
  // A copy, as the worker takes its buffer away.
  return glance.ok ? { ok: true, value: new Uint8Array(glance.value.thumbnail.pixels) } : glance;
}
