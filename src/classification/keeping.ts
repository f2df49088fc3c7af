import type { Verdict } from "./classify-by-mode.ts";
import type { ImageIdentity } from "./identity.ts";
import type { PictureHash } from "./picture-hash.ts";
import { MIN_KEPT_CONFIDENCE, PROVISIONAL_TTL_MS, type StoredResult } from "./result.ts";

/** How long results last, and which of the local model's are good enough. */
export interface KeepingPolicy {
  profileId: string;
  /** `final`: kept like any other; `provisional`: served for an hour; `unwanted`: never served. */
  localResults: "final" | "provisional" | "unwanted";
  /** Lifetime of a result in milliseconds; null: for good. */
  ttlMs: number | null;
  /** Uniform in 0..1, for the jitter of lifetimes. */
  random: () => number;
}

/** Spreads a lifetime over ±10 %, so that what was stored together does not expire together. */
export function jitter(ttlMs: number, random: () => number): number {
  return ttlMs * (0.9 + 0.2 * random());
}

/** The verdict as it is kept; null when it is too unsure to be kept. */
export function toStoredResult(
  { classification, provisional }: Verdict,
  identity: ImageIdentity,
  pictureHash: PictureHash,
  policy: KeepingPolicy,
  now: number,
): StoredResult | null {
  if (classification.confidence < MIN_KEPT_CONFIDENCE) return null;
  const lifetimeMs = policy.ttlMs === null ? null : jitter(policy.ttlMs, policy.random);
  const finalExpiry = lifetimeMs === null ? null : Math.round(now + lifetimeMs);
  return {
    ...classification,
    ...identity,
    profileId: policy.profileId,
    pictureHash,
    provisional,
    createdAt: now,
    expiresAt: provisional ? now + PROVISIONAL_TTL_MS : finalExpiry,
  };
}

/**
 * A kept result as this process may serve it now; null when it may not. What a local model said is
 * judged by today's mode: results kept before a language model was configured become provisional.
 */
export function toServedResult(
  result: StoredResult,
  policy: KeepingPolicy,
  now: number,
): StoredResult | null {
  const isLocal = result.localInference !== null;
  if (isLocal && policy.localResults === "unwanted") return null;
  const becomesProvisional = isLocal && policy.localResults === "provisional";
  const served =
    becomesProvisional && !result.provisional
      ? { ...result, provisional: true, expiresAt: result.createdAt + PROVISIONAL_TTL_MS }
      : result;
  return served.expiresAt === null || served.expiresAt > now ? served : null;
}
