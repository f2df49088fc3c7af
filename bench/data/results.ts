import type { Digest } from "../../src/classification/identity.ts";
import { identify } from "../../src/classification/identity.ts";
import type { PictureHash } from "../../src/classification/picture-hash.ts";
import type { ResultStore } from "../../src/classification/ports/result-store.ts";
import { DEFAULT_PROFILE } from "../../src/classification/profile.ts";
import type { StoredResult } from "../../src/classification/result.ts";

/** A result as a language model gives one. Equal numbers give equal results. */
export function makeResult(index: number): StoredResult {
  return resultFor(new TextEncoder().encode(`bench picture ${index}`));
}

export function resultFor(bytes: Uint8Array): StoredResult {
  return {
    ...identify(bytes),
    profileId: DEFAULT_PROFILE.id,
    pictureHash: "0123456789abcdef" as PictureHash,
    category: "foods",
    confidence: 0.92,
    description: "一碗牛肉面，上面撒着葱花，旁边放着一双筷子。",
    method: "llm",
    provider: "api.openai.com",
    model: "gpt-4o-mini",
    localInference: null,
    provisional: false,
    inputTokens: 900,
    outputTokens: 60,
    costMicros: 171,
    createdAt: 1_760_000_000_000,
    expiresAt: null,
  };
}

const BATCH = 500;

/** Fills an open, empty store; resolves to the digests of what is in it now. */
export async function fillStore(
  store: ResultStore & { migrate(): Promise<void> },
  count: number,
): Promise<Digest[]> {
  await store.migrate();
  const results = Array.from({ length: count }, (_, index) => makeResult(index));
  for (let at = 0; at < count; at += BATCH) {
    await store.saveResults(results.slice(at, at + BATCH));
  }
  return results.map(({ digest }) => digest);
}
