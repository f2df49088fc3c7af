import { canAnswerLocally, mapLabels, readLocalAnswer } from "../classification/local-answer.ts";
import type { Profile } from "../classification/profile.ts";
import { FURTHER_VIEWS, type FurtherView } from "../inference/manifest.ts";
import type { Classifier } from "./open-classifier.ts";

/** A picture whose category is known. */
export interface Sample {
  path: string;
  category: string;
}

/** What a model made of a sample. */
export interface Judgement {
  truth: string;
  /** null: no answer, since the picture cannot be read or means nothing in this profile. */
  category: string | null;
  confidence: number;
  /** From the bytes to the answer, in milliseconds. */
  latencyMs: number;
}

/** There is nothing to check, or no way to; one line, meant for the operator. */
export class CheckError extends Error {
  override readonly name = "CheckError";
}

const PICTURES = "*/*.{jpg,jpeg,png,webp,gif,avif,JPG,JPEG,PNG,WEBP,GIF,AVIF}";
const PICTURE_MS = 30_000;

/** Reads `none`, or names of views separated by commas. Throws CheckError. */
export function readViews(list: string): FurtherView[] {
  if (list === "none") return [];
  return list.split(",").map((word) => {
    const view = FURTHER_VIEWS.find((name) => name === word);
    if (view) return view;
    throw new CheckError(`--views ${list}: ${word} is none of ${FURTHER_VIEWS.join(", ")}.`);
  });
}

/** Finds `<folder>/<category>/<picture>`. Throws CheckError where a folder is no category. */
export async function findSamples(folder: string, profile: Profile): Promise<Sample[]> {
  const keys = new Set(profile.categories.map(({ key }) => key));
  const files = await Array.fromAsync(new Bun.Glob(PICTURES).scan({ cwd: folder })).catch(
    (): string[] => [],
  );
  const samples = files.toSorted().map((file) => {
    return { path: `${folder}/${file}`, category: file.split(/[/\\]/)[0]! };
  });
  const strangers = new Set(samples.map(({ category }) => category)).difference(keys);
  if (strangers.size > 0)
    throw new CheckError(
      `${folder}: ${[...strangers].join(", ")} is no category; there are ${[...keys].join(", ")}.`,
    );
  if (samples.length === 0)
    throw new CheckError(`${folder} has no pictures in folders named like categories.`);
  return samples;
}

/** Classifies samples as the server does, `parallel` at a time. */
export async function judgeSamples(
  model: Pick<Classifier, "card" | "classify">,
  samples: readonly Sample[],
  { profile, parallel }: { profile: Profile; parallel: number },
): Promise<Judgement[]> {
  const mapping = mapLabels(model.card, profile);
  if (!canAnswerLocally(mapping))
    throw new CheckError(`The labels of ${model.card.name} fit none of the categories.`);
  const judgements: Judgement[] = [];
  const rest = samples.values();
  async function work(): Promise<void> {
    for (const { path, category: truth } of rest) {
      const bytes = await Bun.file(path).bytes();
      const startedAt = performance.now();
      const outcome = await model.classify(bytes, PICTURE_MS);
      const latencyMs = performance.now() - startedAt;
      const answer = outcome.ok
        ? readLocalAnswer(outcome.value, model.card, mapping, profile)
        : null;
      const { category = null, confidence = 0 } = answer ?? {};
      judgements.push({ truth, category, confidence, latencyMs });
    }
  }
  await Promise.all(Array.from({ length: parallel }, work));
  return judgements;
}
