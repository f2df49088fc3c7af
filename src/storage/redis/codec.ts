import type { Digest } from "../../classification/identity.ts";
import type {
  ClassificationMethod,
  LocalInference,
  StoredResult,
} from "../../classification/result.ts";

/** Part of every key. To be raised when `FIELDS` change, so that releases ignore each other's entries. */
export const FORMAT_VERSION = 1;

type Kept = Omit<StoredResult, "digest" | "profileId">;

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isWord: Check = (value) => typeof value === "string" && value.length === 16;
const isNumber: Check = (value) => typeof value === "number";
const isFlag: Check = (value) => typeof value === "boolean";
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);

const METHODS: ReadonlySet<unknown> = new Set<ClassificationMethod>([
  "llm",
  "llm_fallback",
  "local",
  "local_fallback",
]);

/** A result is an array of these in this order. The scripts read the first two from its text. */
const CHECKS: Record<keyof Kept, Check> = {
  provisional: isFlag,
  createdAt: Number.isSafeInteger,
  expiresAt: orNull(Number.isSafeInteger),
  fingerprint: isWord,
  pictureHash: isWord,
  category: isText,
  confidence: isNumber,
  description: isText,
  method: (value) => METHODS.has(value),
  provider: orNull(isText),
  model: isText,
  localInference: orNull(isLocalInference),
  inputTokens: orNull(isNumber),
  outputTokens: orNull(isNumber),
  costMicros: isNumber,
};
const FIELDS = Object.entries(CHECKS) as [keyof Kept, Check][];

/** A result's text under its profile's and digest's key: a JSON array, without names. */
export function encodeResult(result: StoredResult): string {
  return JSON.stringify(FIELDS.map(([field]) => result[field]));
}

/** What was read under a result's key, its JSON parsed; null when it is nothing that `encodeResult` makes. */
export function decodeResult(
  value: unknown,
  profileId: string,
  digest: Digest,
): StoredResult | null {
  if (!Array.isArray(value) || value.length !== FIELDS.length) return null;
  const result: Record<string, unknown> = { digest, profileId };
  for (let index = 0; index < FIELDS.length; index++) {
    const [field, check] = FIELDS[index]!;
    if (!check(value[index])) return null;
    result[field] = value[index];
  }
  return result as unknown as StoredResult;
}

function isLocalInference(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { model, version, probabilities } = value as Partial<LocalInference>;
  if (!isText(model) || !isText(version) || typeof probabilities !== "object") return false;
  return probabilities !== null && Object.values(probabilities).every(isNumber);
}

/** Which result an alias stands for. */
export interface AliasTarget {
  digest: Digest;
  /** A later result of the same photo may have come after a purge, which takes claims away too. */
  createdAt: number;
}

/** No JSON, so that the client leaves the text alone. */
export function encodeAlias({ digest, createdAt }: AliasTarget): string {
  return `=${digest}${createdAt}`;
}

export function decodeAlias(value: unknown): AliasTarget | null {
  if (typeof value !== "string" || !/^=[0-9a-f]{64}\d{1,15}$/.test(value)) return null;
  return { digest: value.slice(1, 65) as Digest, createdAt: Number(value.slice(65)) };
}
