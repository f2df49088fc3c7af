import type { ImageHash } from "../identity.ts";
import type { Invalidation } from "./invalidations.ts";
import type { Outcome } from "./outcome.ts";
import type { CacheMatch, StoredResult } from "../result.ts";

/**
 * The tier between this process's memory and the database, shared by all processes: results by digest,
 * and the aliases that answer everyone. Nothing in it is the only copy. Never rejects; while it is
 * down calls return at once.
 */
export interface SharedTier {
  /** Answers many hashes in one round trip; those it does not know are missing from the map. */
  find(hashes: readonly ImageHash[]): Promise<Outcome<Map<ImageHash, CacheMatch>, "unavailable">>;
  /** Copies what the database answered; never brings back what was invalidated meanwhile. */
  remember(matches: readonly CacheMatch[]): Promise<void>;
  /** A result that was just made; replaces what is there, but no final result by a provisional one. */
  save(result: StoredResult): Promise<Outcome<void, "unavailable">>;
  /** Resolves to false when it could not be told, so that the caller tries again. */
  invalidate(invalidations: readonly Invalidation[]): Promise<boolean>;
  isAvailable(): boolean;
}
