import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { downloadFile } from "../download/download-file.ts";
import { drawSample } from "../imaging/draw-sample.ts";
import type { CatalogueEntry } from "../inference/catalogue.ts";
import { inspectModel } from "../inference/installed-models.ts";
import { openClassifier } from "./open-classifier.ts";

const TRIAL_MS = 30_000;
/** More than the drawn picture has. */
const TRIAL_PIXELS = 1_000_000;

export type PullResult = { ok: true; isNew: boolean } | { ok: false; detail: string };

/**
 * Installs a model of the catalogue in a folder: the file, proven by its checksum, then the manifest,
 * which stays only if the model answers for a drawn picture.
 */
export async function pullModel(
  { address, size, manifest }: CatalogueEntry,
  folder: string,
  onProgress: (receivedBytes: number) => void,
): Promise<PullResult> {
  const { name, sha256 } = manifest;
  const manifestPath = join(folder, `${name}.json`);
  const installed = await inspectModel(folder, name);
  const isSame = installed.manifest?.sha256 === sha256;
  if (isSame && installed.problem === null) return { ok: true, isNew: false };
  await mkdir(folder, { recursive: true });
  const to = join(folder, manifest.file);
  const outcome = await downloadFile({ address, to, sha256, size, onProgress });
  if (!outcome.ok) return outcome;
  await Bun.write(manifestPath, `${JSON.stringify(manifest, null, 2)}\n`);
  const refusal = await tryModel(folder, name);
  if (refusal === null) return { ok: true, isNew: true };
  await rm(manifestPath, { force: true });
  return { ok: false, detail: `The file is right, yet the model does not work: ${refusal}` };
}

/** Why the model does not answer; null when it does. */
async function tryModel(folder: string, name: string): Promise<string | null> {
  let problem = "no worker could start";
  const model = await openClassifier({
    folders: [folder],
    names: [name],
    workers: 1,
    maxQueued: 1,
    taskTimeoutMs: TRIAL_MS,
    maxPixels: TRIAL_PIXELS,
    onEvent(event) {
      if (event.type === "worker_lost") problem = event.detail;
    },
  });
  const answer = await model.classify(await drawSample(), TRIAL_MS);
  await model.close();
  return answer.ok ? null : problem;
}
