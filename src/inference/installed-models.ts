import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { CATALOGUE_FILE } from "./catalogue.ts";
import { ModelLoadError, type ModelManifest, readManifest, readModel } from "./manifest.ts";

export interface InstalledModel {
  name: string;
  folder: string;
  /** null: the manifest, or the model that it names, cannot be used; `problem` says why. */
  manifest: ModelManifest | null;
  problem: string | null;
  /** Of the model file; null where it is missing. */
  bytes: number | null;
}

/** The first of the folders that has the manifest `<name>.json`. Throws ModelLoadError. */
export async function locateModel(folders: readonly string[], name: string): Promise<string> {
  for (const folder of folders) {
    if (await Bun.file(join(folder, `${name}.json`)).exists()) return folder;
  }
  const places = folders.map((folder) => join(folder, `${name}.json`)).join(" nor ");
  throw new ModelLoadError(
    `Local model ${JSON.stringify(name)}: ${folders.length > 1 ? "neither " : ""}${places} exists.`,
  );
}

/** Every model with a manifest, by name; where two folders have one of a name, the first counts. */
export async function listModels(folders: readonly string[]): Promise<InstalledModel[]> {
  const found = new Map<string, InstalledModel>();
  for (const folder of folders) {
    const files = await readdir(folder).catch((): string[] => []);
    for (const file of files.toSorted()) {
      const name = file.slice(0, -".json".length);
      if (!file.endsWith(".json") || file === CATALOGUE_FILE || found.has(name)) continue;
      found.set(name, await inspectModel(folder, name));
    }
  }
  return [...found.values()].toSorted((one, other) => one.name.localeCompare(other.name));
}

/** Reads a manifest and proves its model file by the checksum. */
export async function inspectModel(folder: string, name: string): Promise<InstalledModel> {
  let manifest: ModelManifest | null = null;
  let problem: string | null = null;
  try {
    manifest = await readManifest(folder, name);
    await readModel(folder, manifest);
  } catch (error) {
    if (!(error instanceof ModelLoadError)) throw error;
    problem = error.message;
  }
  const bytes = manifest && (await sizeOf(join(folder, manifest.file)));
  return { name, folder, manifest, problem, bytes };
}

async function sizeOf(path: string): Promise<number | null> {
  return stat(path).then(
    ({ size }) => size,
    () => null,
  );
}
