import type { CallerId } from "../alias.ts";
import type { ImageHash } from "../identity.ts";
import type { CacheMatch } from "../result.ts";
import type { Invalidation } from "./invalidations.ts";

/** The first tier, in this process: bounded, expiring, and asked on every request. */
export interface MemoryTier {
  get(hash: ImageHash, caller: CallerId): CacheMatch | null;
  remember(match: CacheMatch, caller: CallerId): void;
  /** Whether the hash was found nowhere within the last seconds. A known hash is never unknown. */
  isUnknown(hash: ImageHash, caller: CallerId): boolean;
  rememberUnknown(hash: ImageHash, caller: CallerId): void;
  /**
   * Drops what is meant and accepts none of it for a minute, so that no slow read brings it back.
   * Of a disputed alias, its callers' own claims stay.
   */
  invalidate(invalidation: Invalidation): void;
  /** Whether it was invalidated within that minute: the database must be asked for its newest writes. */
  isVoid(match: CacheMatch): boolean;
  /** Drops everything; what was invalidated stays refused. */
  clear(): void;
}
