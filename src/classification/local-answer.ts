import type { LocalModelAnswer, LocalModelCard } from "./ports/local-model.ts";
import { displayName, type Profile } from "./profile.ts";
import type { Classification } from "./result.ts";

/** Which category of the profile each label of the model stands for; null: none. */
export type LabelMapping = ReadonlyMap<string, string | null>;

/**
 * Maps a model's labels to a profile: by the profile's own `localLabels`, else by what the model's
 * manifest says, else to `other` where the profile has such a category.
 */
export function mapLabels(card: LocalModelCard, profile: Profile): LabelMapping {
  const keys = new Set(profile.categories.map(({ key }) => key));
  const claimed = new Map(
    profile.categories.flatMap(({ key, localLabels = [] }) =>
      localLabels.map((label) => [label, key] as const),
    ),
  );
  const fallback = keys.has("other") ? "other" : null;
  return new Map(
    Object.entries(card.categories).map(([label, category]) => [
      label,
      claimed.get(label) ?? (keys.has(category) ? category : fallback),
    ]),
  );
}

/** Whether the local model can tell at least two of the profile's categories apart. */
export function canAnswerLocally(mapping: LabelMapping): boolean {
  const reachable = new Set(mapping.values());
  reachable.delete(null);
  return reachable.size >= 2;
}

/** What the local model makes of a picture; null when its best label means nothing in this profile. */
export function readLocalAnswer(
  answer: LocalModelAnswer,
  card: LocalModelCard,
  mapping: LabelMapping,
  profile: Profile,
): Omit<Classification, "method"> | null {
  const probabilities: Record<string, number> = {};
  for (const { key } of profile.categories) probabilities[key] = 0;
  let unmapped = 0;
  for (const [label, probability] of Object.entries(answer.labels)) {
    const key = mapping.get(label) ?? null;
    if (key === null) unmapped += probability;
    else probabilities[key] = (probabilities[key] ?? 0) + probability;
  }
  const best = profile.categories.reduce((winner, candidate) =>
    probabilities[candidate.key]! > probabilities[winner.key]! ? candidate : winner,
  );
  const confidence = probabilities[best.key]!;
  if (unmapped > confidence) return null;
  for (const key in probabilities) probabilities[key] = roundProbability(probabilities[key]!);
  return {
    category: best.key,
    confidence: probabilities[best.key]!,
    description: displayName(profile, best),
    provider: null,
    model: `${card.name}@${card.version}`,
    localInference: { model: card.name, version: card.version, probabilities },
    inputTokens: null,
    outputTokens: null,
    costMicros: 0,
  };
}

/** Four decimals say all that a model of this kind knows. */
function roundProbability(probability: number): number {
  return Math.min(1, Math.round(probability * 1e4) / 1e4);
}
