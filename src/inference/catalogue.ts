import { dirname, join } from "node:path";
import { z } from "zod";
import { ModelLoadError, type ModelManifest, modelFactsSchema } from "./manifest.ts";

/** Lies among the manifests and is none. */
export const CATALOGUE_FILE = "catalogue.json";

const entrySchema = z.object({
  address: z.url({ protocol: /^https?$/ }),
  /** Of the file, in bytes. */
  size: z.int().positive(),
  /** Where address, size and checksum are published. */
  source: z.string().min(1),
  /** File beside the catalogue: a line for each output, `label<TAB>category`; # begins a comment. */
  labels: z.string().regex(/^[\w][\w.-]*$/, "must be a plain file name"),
  manifest: modelFactsSchema,
});

const catalogueSchema = z.object({ models: z.array(entrySchema) });

/** A model that can be downloaded. */
export interface CatalogueEntry {
  address: string;
  /** In bytes. */
  size: number;
  source: string;
  /** What is written beside the file once it is there. */
  manifest: ModelManifest;
}

/** Reads a catalogue and the label files that it names. Throws ModelLoadError. */
export async function readCatalogue(path: string): Promise<CatalogueEntry[]> {
  const json: unknown = await Bun.file(path)
    .json()
    .catch((error: unknown) => {
      throw new ModelLoadError(`Catalogue: ${path} cannot be read: ${String(error)}`);
    });
  const parsed = catalogueSchema.safeParse(json);
  if (!parsed.success)
    throw new ModelLoadError(`Catalogue: ${path}: ${z.prettifyError(parsed.error)}`);
  return Promise.all(
    parsed.data.models.map(async ({ address, size, source, labels: labelFile, manifest }) => {
      const categories = await readLabels(join(dirname(path), labelFile));
      const labels = Object.keys(categories);
      return { address, size, source, manifest: { ...manifest, labels, categories } };
    }),
  );
}

/** Label to category, in the order of the model's outputs. */
async function readLabels(path: string): Promise<Record<string, string>> {
  const text = await Bun.file(path)
    .text()
    .catch(() => {
      throw new ModelLoadError(`Catalogue: ${path} cannot be read.`);
    });
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const pairs = lines.map((line) => line.split("\t"));
  const flawed = pairs.find((pair) => pair.length !== 2 || pair.includes(""));
  if (flawed)
    throw new ModelLoadError(
      `Catalogue: ${path}: "${flawed.join(" ")}" is no label with its category.`,
    );
  const categories = Object.fromEntries(pairs) as Record<string, string>;
  // Also where a label is a whole number, which an object would put first.
  const isInOrder = Object.keys(categories).every((label, index) => label === pairs[index]![0]);
  if (!isInOrder || Object.keys(categories).length !== pairs.length)
    throw new ModelLoadError(`Catalogue: ${path} repeats a label, or has a number for one.`);
  return categories;
}
