import { resolve } from "node:path";
import type { LocalModel } from "../classification/ports.ts";
import { createEnsemble } from "./ensemble.ts";
import { locateModel } from "./installed-models.ts";
import { loadViews, sharedShape } from "./load-views.ts";
import { readManifest, readModel } from "./manifest.ts";
import type { ModelPlace, ModelView } from "./protocol.ts";
import { type PoolStats, WorkerPool, type WorkerPoolOptions } from "./worker-pool.ts";

export interface LocalModelOptions extends Omit<WorkerPoolOptions, "open"> {
  /** Where manifests are looked for, one after the other. */
  folders: readonly string[];
  /** Names of manifests, one at least: all are asked for every picture, and their answers averaged. */
  names: readonly string[];
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
 * Opens the models of these names. Resolves when manifests and checksums are proven, while the workers
 * are still warming up: tasks wait for them. Throws ModelLoadError.
 */
export async function openLocalModel(options: LocalModelOptions): Promise<OpenLocalModel> {
  const models = await readPlaces(options);
  const ensemble = createEnsemble(models.map(({ manifest }) => manifest));
  const pool = new WorkerPool({ ...options, open: { type: "open", models } });
  const { maxPixels = DEFAULT_MAX_PIXELS, decodeTimeoutMs = DEFAULT_DECODE_TIMEOUT_MS } = options;
  const limits = { maxPixels, timeoutMs: decodeTimeoutMs };
  return {
    card: ensemble.card,
    thumbnailShape: sharedShape(models),
    async classify(picture, deadlineAt) {
      let views: readonly ModelView[] = [];
      const answer = await pool.run(async () => {
        const loaded = await loadViews(picture, models, limits);
        if (loaded.ok) views = loaded.value;
        return loaded;
      }, deadlineAt);
      return answer.ok
        ? { ok: true, value: { labels: ensemble.average(views, answer.value) } }
        : answer;
    },
    isAvailable: () => pool.isAvailable(),
    stats: () => pool.stats(),
    close: (deadlineMs) => pool.close(deadlineMs),
  };
}

async function readPlaces({ folders, names }: LocalModelOptions): Promise<ModelPlace[]> {
  const places: ModelPlace[] = [];
  for (const name of names) {
    const modelsDir = resolve(await locateModel(folders, name));
    const manifest = await readManifest(modelsDir, name);
    await readModel(modelsDir, manifest);
    places.push({ modelsDir, manifest });
  }
  return places;
}
