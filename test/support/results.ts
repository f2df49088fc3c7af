import type { CallerId } from "../../src/classification/alias.ts";
import { type Digest, identify } from "../../src/classification/identity.ts";
import type { PictureHash } from "../../src/classification/picture-hash.ts";
import { DEFAULT_PROFILE } from "../../src/classification/profile.ts";
import type { StoredResult } from "../../src/classification/result.ts";

let minted = 0;

/** A hash that nothing else has. */
export function newDigest(): Digest {
  return identify(new TextEncoder().encode(`minted ${process.pid} ${minted++}`)).digest;
}

export function callerOf(name: string): CallerId {
  return Bun.SHA256.hash(name, "hex").slice(0, 32) as CallerId;
}

/** A language model's result of a photo of its own. */
export function newResult(changes: Partial<StoredResult> = {}): StoredResult {
  return {
    ...identify(new TextEncoder().encode(`photo ${process.pid} ${minted++}`)),
    profileId: DEFAULT_PROFILE.id,
    pictureHash: "0000000000000000" as PictureHash,
    category: "foods",
    confidence: 0.92,
    description: "A bowl of noodles",
    method: "llm",
    provider: "fake",
    model: "fake-vision",
    localInference: null,
    provisional: false,
    createdAt: 1_800_000_000_000,
    expiresAt: null,
    ...changes,
  };
}
