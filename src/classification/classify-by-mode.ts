import { mapLabels, readLocalAnswer } from "./local-answer.ts";
import type { LanguageModel, LanguageModelFailure } from "./ports/language-model.ts";
import type { LocalModel, LocalModelFailure, LocalPicture } from "./ports/local-model.ts";
import type { Outcome } from "./ports/outcome.ts";
import {
  PICTURE_REJECTIONS,
  type PictureFailure,
  type PictureRejection,
  type PreparedPicture,
} from "./ports/picture-reader.ts";
import type { Profile } from "./profile.ts";
import { type Classification, fromLanguageModel } from "./result.ts";

export const INFERENCE_MODES = ["llm-first", "local-first", "llm-only", "local-only"] as const;
export type InferenceMode = (typeof INFERENCE_MODES)[number];

export interface ClassifierDeps {
  mode: InferenceMode;
  profile: Profile;
  /** null: none configured. */
  languageModel: LanguageModel | null;
  /** null: none installed. */
  localModel: LocalModel | null;
  /** Time kept back for the local model when a language model goes first, in milliseconds. */
  localReserveMs: number;
}

/** A classification, and whether a better one should replace it as soon as a language model answers. */
export interface Verdict {
  classification: Classification;
  provisional: boolean;
}

export type ModelFailure =
  PictureFailure | LanguageModelFailure | LocalModelFailure | "not_configured" | "unmapped_label";

/** An upload in the forms that models want. */
export interface Picture extends LocalPicture {
  /** Made when first asked for. */
  prepare(): Promise<Outcome<PreparedPicture, PictureFailure>>;
}

/** Asks the models in the order of the mode; settles by `deadlineAt`, milliseconds since the epoch. */
export type Classify = (
  picture: Picture,
  deadlineAt: number,
) => Promise<Outcome<Verdict, ModelFailure>>;

type Attempt = Promise<Outcome<Omit<Classification, "method">, ModelFailure>>;

export function createClassify(deps: ClassifierDeps): Classify {
  const { languageModel, localModel, profile } = deps;
  const localReserveMs = localModel ? deps.localReserveMs : 0;
  const mapping = localModel && mapLabels(localModel.card, profile);

  async function askLanguageModel(picture: Picture, deadlineAt: number): Attempt {
    if (!languageModel) return notConfigured("no language model is configured");
    const prepared = await picture.prepare();
    if (!prepared.ok) return prepared;
    const outcome = await languageModel.classify(prepared.value, profile, deadlineAt);
    return outcome.ok ? { ok: true, value: fromLanguageModel(outcome.value) } : outcome;
  }

  async function askLocalModel(picture: Picture, deadlineAt: number): Attempt {
    if (!localModel || !mapping) return notConfigured("no local model is installed");
    const outcome = await localModel.classify(picture, deadlineAt);
    if (!outcome.ok) return outcome;
    const value = readLocalAnswer(outcome.value, localModel.card, mapping, profile);
    if (value) return { ok: true, value };
    const detail = "the local model's answer means no category of this profile";
    return { ok: false, reason: "unmapped_label", detail };
  }

  async function languageModelFirst(picture: Picture, deadlineAt: number) {
    const first = await askLanguageModel(picture, deadlineAt - localReserveMs);
    if (first.ok) return verdict(first.value, "llm");
    const second = await askLocalModel(picture, deadlineAt);
    if (second.ok) return verdict(second.value, "local_fallback", { provisional: true });
    return bothFailed(first, second);
  }

  async function localModelFirst(picture: Picture, deadlineAt: number) {
    const first = await askLocalModel(picture, deadlineAt);
    const isSure = first.ok && first.value.confidence >= (localModel?.card.unsure ?? 0);
    if (first.ok && (isSure || !languageModel)) return verdict(first.value, "local");
    const second = await askLanguageModel(picture, deadlineAt);
    if (second.ok) return verdict(second.value, "llm_fallback");
    if (first.ok) return verdict(first.value, "local", { provisional: true });
    return bothFailed(second, first);
  }

  async function languageModelOnly(picture: Picture, deadlineAt: number) {
    const answer = await askLanguageModel(picture, deadlineAt);
    return answer.ok ? verdict(answer.value, "llm") : answer;
  }

  async function localModelOnly(picture: Picture, deadlineAt: number) {
    const answer = await askLocalModel(picture, deadlineAt);
    return answer.ok ? verdict(answer.value, "local") : answer;
  }

  switch (deps.mode) {
    case "llm-first":
      // Nothing to wait for and nothing to be upgraded by: the local model's word is final.
      return languageModel ? languageModelFirst : localModelOnly;
    case "local-first":
      return localModelFirst;
    case "llm-only":
      return languageModelOnly;
    case "local-only":
      return localModelOnly;
  }
}

function verdict(
  answer: Omit<Classification, "method">,
  method: Classification["method"],
  { provisional = false } = {},
): Outcome<Verdict, never> {
  return { ok: true, value: { classification: { ...answer, method }, provisional } };
}

function notConfigured(detail: string) {
  return { ok: false, reason: "not_configured", detail } as const;
}

type Failure = Extract<Outcome<never, ModelFailure>, { ok: false }>;

function bothFailed(languageModel: Failure, localModel: Failure): Failure {
  // What is no picture to one of them is none, whatever kept the other from saying so.
  const { reason } = isRejection(localModel.reason) ? localModel : languageModel;
  const detail = `language model: ${languageModel.detail}; local model: ${localModel.detail}`;
  return { ok: false, reason, detail };
}

const REJECTIONS: ReadonlySet<ModelFailure> = new Set(PICTURE_REJECTIONS);

/** Whether the picture was at fault, not a model. */
export function isRejection(reason: ModelFailure): reason is PictureRejection {
  return REJECTIONS.has(reason);
}
