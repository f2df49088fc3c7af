import type { CatalogueEntry } from "../inference/catalogue.ts";
import type { InstalledModel } from "../inference/installed-models.ts";
import { renderTable } from "./render-table.ts";

const COLUMNS = ["", "model", "version", "size", "input", "labels", "file", "licence", "about"];

/** What is installed, with a star before what the server uses, and what else the catalogue has. */
export function renderModels(
  installed: readonly InstalledModel[],
  inUse: readonly string[],
  catalogue: readonly CatalogueEntry[],
): string {
  const rows = installed.map((model) => [inUse.includes(model.name) ? "*" : "", ...toRow(model)]);
  const problems = installed.flatMap(({ problem }) => (problem === null ? [] : [problem]));
  const missing = inUse.filter((name) => installed.every((model) => model.name !== name));
  const names = new Set(installed.map(({ name }) => name));
  const others = catalogue.filter(({ manifest }) => !names.has(manifest.name));
  return [
    renderTable([COLUMNS, ...rows]),
    ...problems.map((problem) => `${problem}\n`),
    ...missing.map((name) => `LOCAL_MODEL names ${name}, which is not installed.\n`),
    ...(others.length > 0 ? ["\nTo be had by `models pull NAME`:\n", renderOffers(others)] : []),
  ].join("");
}

function toRow({ name, manifest, problem, bytes }: InstalledModel): string[] {
  if (manifest === null) return [name, "-", "-", "-", "-", "BAD"];
  const { version, input, labels, categories, licence, description } = manifest;
  const size = bytes === null ? "-" : megabytes(bytes);
  const count = `${labels.length} to ${new Set(Object.values(categories)).size}`;
  const shape = `${input.width}x${input.height} ${input.resize}`;
  return [name, version, size, shape, count, problem ? "BAD" : "good", licence, description];
}

function renderOffers(entries: readonly CatalogueEntry[]): string {
  return renderTable(
    entries.map(({ manifest: { name, licence, description }, size }) => [
      `  ${name}`,
      megabytes(size),
      licence,
      description,
    ]),
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
