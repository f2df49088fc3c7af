import type { Digest, Fingerprint, ImageHash } from "./identity.ts";
import type { PictureHash } from "./picture-hash.ts";
import type { LanguageModelAnswer } from "./ports/language-model.ts";

/** Who produced a classification; `_fallback` when the mode's first choice could not. */
export type ClassificationMethod = "llm" | "llm_fallback" | "local" | "local_fallback";

/** What the local model saw: probabilities over every category of the profile, in 0..1. */
export interface LocalInference {
  model: string;
  version: string;
  probabilities: Record<string, number>;
}

export interface Classification {
  /** A category key of the profile. */
  category: string;
  /** 0..1 */
  confidence: number;
  description: string;
  method: ClassificationMethod;
  /** Name of the language-model provider; null for the local model. */
  provider: string | null;
  /** The language model's name as configured, or the local model's `name@version`. */
  model: string;
  localInference: LocalInference | null;
  /** As the provider counted them; null where it does not say, and for the local model. */
  inputTokens: number | null;
  outputTokens: number | null;
  /** Of the call that answered, in millionths of the money unit; 0 for the local model. */
  costMicros: number;
}

/** A language model's answer as a classification. */
export function fromLanguageModel({
  usage,
  ...answer
}: LanguageModelAnswer): Omit<Classification, "method"> {
  const inputTokens = usage?.inputTokens ?? null;
  const outputTokens = usage?.outputTokens ?? null;
  return { ...answer, localInference: null, inputTokens, outputTokens };
}

/** A classification as it is kept: one per (profileId, digest). Times are milliseconds since the epoch. */
export interface StoredResult extends Classification {
  digest: Digest;
  fingerprint: Fingerprint;
  profileId: string;
  pictureHash: PictureHash;
  /** Made by the local model where a language model was wanted: short-lived, replaced when one answers. */
  provisional: boolean;
  /** When the work on it began: a purge that comes while a model is asked takes it away, too. */
  createdAt: number;
  /** null: kept for good. */
  expiresAt: number | null;
}

/** Why a hash answered: the digest itself, a corroborated alias, the caller's own claim, a lone fingerprint. */
export type MatchKind = "digest" | "shared_alias" | "own_alias" | "fingerprint";

export interface CacheMatch {
  hash: ImageHash;
  kind: MatchKind;
  result: StoredResult;
}

/** Results under this confidence are answered but not kept. */
export const MIN_KEPT_CONFIDENCE = 0.3;
/** How long a provisional result is served, in milliseconds. */
export const PROVISIONAL_TTL_MS = 3_600_000;
