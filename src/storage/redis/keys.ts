import type { ImageHash } from "../../classification/identity.ts";
import { FORMAT_VERSION } from "./codec.ts";

export interface RedisKeyOptions {
  /** What all keys begin with, so that several services may share a Redis. */
  prefix: string;
  profileId: string;
  /** Supporters an alias needs to answer everyone; null: aliases are neither kept nor answered. */
  quorum: number | null;
}

/** Names of what is kept for one profile. */
export interface RedisKeys {
  result(digest: ImageHash): string;
  /** null where aliases answer nobody. What two callers agreed on says nothing where three are wanted. */
  alias: ((alias: ImageHash) => string) | null;
}

export function createRedisKeys({ prefix, profileId, quorum }: RedisKeyOptions): RedisKeys {
  const scope = `${prefix}:${FORMAT_VERSION}:${profileId}`;
  return {
    result: (digest) => `${scope}:r:${digest}`,
    alias: quorum === null ? null : (alias) => `${scope}:a${quorum}:${alias}`,
  };
}
