import { resolve } from "node:path";
import type { LocalModel, LocalPicture } from "../classification/ports/local-model.ts";
import { createEnsemble, highestCategory } from "./ensemble.ts";
import { locateModel } from "./installed-models.ts";
import { loadViews, type PlannedView, sharedShape } from "./load-views.ts";
import { type FurtherView, readManifest, readModel } from "./manifest.ts";
import type { ModelPlace } from "./protocol.ts";
import { type PoolStats, WorkerPool, type WorkerPoolOptions } from "./worker-pool.ts";

export interface LocalModelOptions extends Omit<WorkerPoolOptions, "open"> {
  /** Where manifests are looked for, one after the other. */
  folders: readonly string[];
  /** Names of manifests, one at least: all are asked for every picture, and their answers averaged. */
  names: readonly string[];
  /** Instead of the views that the manifests name, to measure what they are worth. */
  views?: readonly FurtherView[];
  /** Largest picture that is decoded, width times height. */
  maxPixels: number;
}

export interface OpenLocalModel extends LocalModel {
  stats(): PoolStats;
  /** Finishes what it has for up to `deadlineMs`, answers the rest `closed`. Safe to call twice. */
  close(deadlineMs: number): Promise<void>;
}

/** Bounds a picture's decoding. */
const DECODE_TIMEOUT_MS = 10_000;
/** Longest that further views may add to an answer. */
const SECOND_LOOK_MS = 500;

/**
 * Opens the models of these names. Resolves when manifests and checksums are proven, while the workers
 * are still warming up: tasks wait for them. Throws ModelLoadError.
 */
export async function openLocalModel(options: LocalModelOptions): Promise<OpenLocalModel> {
  const models = await readPlaces(options);
  const ensemble = createEnsemble(models.map(({ manifest }) => manifest));
  const pool = new WorkerPool({ ...options, open: { type: "open", models } });
  const limits = { maxPixels: options.maxPixels, timeoutMs: DECODE_TIMEOUT_MS };
  const whole = models.map((_, model): PlannedView => ({ model, view: "whole" }));
  const further = models.flatMap(({ manifest }, model) =>
    (options.views ?? manifest.views).map((view): PlannedView => ({ model, view })),
  );

  const look = (picture: LocalPicture, plan: readonly PlannedView[], deadlineAt: number) =>
    pool.run(() => loadViews(picture, models, plan, limits), deadlineAt);

  /** Whether a second look is worth its time, and there is some: nobody waits for a worker. */
  function isSecondLookDue(labels: Record<string, number>, deadlineAt: number): boolean {
    if (further.length === 0 || pool.stats().queued > 0) return false;
    if (deadlineAt - Date.now() < 2 * SECOND_LOOK_MS) return false;
    return highestCategory(labels, ensemble.card.categories) < ensemble.card.unsure;
  }

  return {
    card: ensemble.card,
    thumbnailShape: sharedShape(models),
    async classify(picture, deadlineAt) {
      const first = await look(picture, whole, deadlineAt);
      if (!first.ok) return first;
      const labels = ensemble.average(whole, first.value);
      if (!isSecondLookDue(labels, deadlineAt)) return { ok: true, value: { labels } };
      const second = await look(picture, further, Date.now() + SECOND_LOOK_MS);
      if (!second.ok) return { ok: true, value: { labels } };
      const all = ensemble.average([...whole, ...further], [...first.value, ...second.value]);
      return { ok: true, value: { labels: all } };
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
