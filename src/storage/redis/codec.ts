import { z } from "zod";
import type { Digest } from "../../classification/identity.ts";
import type { StoredResult } from "../../classification/result.ts";

/** Part of every key. To be raised when `FIELDS` change, so that releases ignore each other's entries. */
export const FORMAT_VERSION = 1;

type Kept = Omit<StoredResult, "digest" | "profileId">;

const resultSchema = z.object({
  provisional: z.boolean(),
  createdAt: z.int(),
  expiresAt: z.int().nullable(),
  fingerprint: z.string().length(16),
  pictureHash: z.string().length(16),
  category: z.string(),
  confidence: z.number(),
  description: z.string(),
  method: z.enum(["llm", "llm_fallback", "local", "local_fallback"]),
  provider: z.string().nullable(),
  model: z.string(),
  localInference: z
    .object({
      model: z.string(),
      version: z.string(),
      probabilities: z.record(z.string(), z.number()),
    })
    .nullable(),
  inputTokens: z.number().nullable(),
  outputTokens: z.number().nullable(),
  costMicros: z.number(),
} satisfies Record<keyof Kept, z.ZodType>);

/** A result is an array of these in this order; the scripts read the first two from its text. */
const FIELDS = Object.keys(resultSchema.shape) as (keyof Kept)[];

/** A result's text under its profile's and digest's key: a JSON array, without names. */
export function encodeResult(result: StoredResult): string {
  return JSON.stringify(FIELDS.map((field) => result[field]));
}

/** What was read under a result's key, its JSON parsed; null when it is nothing that `encodeResult` makes. */
export function decodeResult(
  value: unknown,
  profileId: string,
  digest: Digest,
): StoredResult | null {
  if (!Array.isArray(value) || value.length !== FIELDS.length) return null;
  const result: Record<string, unknown> = { digest, profileId };
  for (const [index, field] of FIELDS.entries()) result[field] = value[index];
  return resultSchema.safeParse(result).success ? (result as unknown as StoredResult) : null;
}

/** No JSON, so that the client leaves the text alone. */
export function encodeAlias(digest: Digest): string {
  return `=${digest}`;
}

export function decodeAlias(value: unknown): Digest | null {
  return typeof value === "string" && /^=[0-9a-f]{64}$/.test(value)
    ? (value.slice(1) as Digest)
    : null;
}
