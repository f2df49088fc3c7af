import type { Invalidation } from "./ports/invalidations.ts";
import type { MemoryTier } from "./ports/memory-tier.ts";
import type { UpgradeQueue } from "./ports/upgrade-queue.ts";

/** What of this process may hold what was invalidated. */
export interface LocalHolders {
  memory: Pick<MemoryTier, "invalidate">;
  /** Holds pictures, which go with the photo. */
  upgrades: Pick<UpgradeQueue, "discard">;
}

/** Takes from this process what must not be served any more; returns how many waiting pictures went. */
export function applyInvalidations(
  invalidations: readonly Invalidation[],
  { memory, upgrades }: LocalHolders,
): number {
  let pictures = 0;
  for (const invalidation of invalidations) {
    memory.invalidate(invalidation);
    if (invalidation.kind === "purged") pictures += upgrades.discard(invalidation);
  }
  return pictures;
}
