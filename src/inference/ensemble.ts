import type { LocalModelCard } from "../classification/ports/local-model.ts";
import { ModelLoadError, type ModelManifest } from "./manifest.ts";
import type { ModelView } from "./protocol.ts";

/** What databases have room for in `name@version`. */
const MAX_NAME_LENGTH = 255;

/** Models that answer as one. */
export interface Ensemble {
  card: LocalModelCard;
  /**
   * Probability of each label: the mean over the models, for each model the mean over what it was
   * shown. Since labels mean categories, every category gets the mean of its probabilities, too.
   */
  average(
    views: readonly Pick<ModelView, "model">[],
    probabilities: readonly (readonly number[])[],
  ): Record<string, number>;
}

/**
 * Joins models, at least one. A label that two of them know counts for both, and gets the name of its
 * model before it where they mean different categories by it. The ensemble is unsure wherever the
 * most careful of them would be. Throws ModelLoadError.
 */
export function createEnsemble(manifests: readonly ModelManifest[]): Ensemble {
  const join = (part: "name" | "version") => manifests.map((model) => model[part]).join("+");
  const [name, version] = [join("name"), join("version")];
  if (`${name}@${version}`.length > MAX_NAME_LENGTH)
    throw new ModelLoadError(
      `Local models: ${name}@${version} is longer than ${MAX_NAME_LENGTH} characters.`,
    );
  const meanings = new Map<string, string | undefined>();
  const labels = manifests.map((manifest) =>
    manifest.labels.map((label) => {
      const category = manifest.categories[label];
      const isClash = meanings.has(label) && meanings.get(label) !== category;
      const unique = isClash ? `${manifest.name}:${label}` : label;
      meanings.set(unique, category);
      return unique;
    }),
  );
  const categories = Object.fromEntries(
    [...meanings].filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const unsure = Math.max(...manifests.map((manifest) => manifest.unsure));
  return {
    card: { name, version, categories, unsure },
    average(views, probabilities) {
      const sums = new Map<string, number>();
      for (const [index, { model }] of views.entries()) {
        const shown = views.filter((view) => view.model === model).length;
        const weight = 1 / (shown * manifests.length);
        for (const [at, label] of labels[model]!.entries())
          sums.set(label, (sums.get(label) ?? 0) + probabilities[index]![at]! * weight);
      }
      return Object.fromEntries(sums);
    },
  };
}

/** Probability of the likeliest category of the default taxonomy. */
export function highestCategory(
  labels: Readonly<Record<string, number>>,
  categories: Readonly<Record<string, string>>,
): number {
  const sums = new Map<string, number>();
  for (const [label, category] of Object.entries(categories))
    sums.set(category, (sums.get(category) ?? 0) + (labels[label] ?? 0));
  return Math.max(0, ...sums.values());
}
