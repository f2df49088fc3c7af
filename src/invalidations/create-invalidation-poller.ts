import { applyInvalidations } from "../classification/apply-invalidations.ts";
import { type GuardedInvalidationLog, VOID_MS } from "../classification/ports/invalidations.ts";
import type { MemoryTier } from "../classification/ports/memory-tier.ts";
import type { SharedTier } from "../classification/ports/shared-tier.ts";
import type { UpgradeQueue } from "../classification/ports/upgrade-queue.ts";
import { createFollowLog } from "./follow-log.ts";
import { createTierFollower } from "./create-tier-follower.ts";

export interface InvalidationPollerDeps {
  log: Pick<GuardedInvalidationLog, "read" | "lastId">;
  memory: Pick<MemoryTier, "invalidate" | "clear">;
  /** Holds pictures, which go with the photo. */
  upgrades: Pick<UpgradeQueue, "discard">;
  /** null: there is none. */
  sharedTier: Pick<SharedTier, "invalidate" | "isAvailable"> | null;
  clock: () => number;
}

/** How often the log is asked: an invalidation must be everywhere within two seconds. */
export const POLL_INTERVAL_MS = 700;

export interface InvalidationPoller {
  /**
   * Applies to this process's memory and to the shared tier what any process has announced. The first
   * call finds the log's end, so it must come before anything is read into memory. Never rejects.
   */
  poll(): Promise<void>;
  /** False while the shared tier may hold what memory no longer refuses. */
  isSharedTierInformed(): boolean;
}

export function createInvalidationPoller(deps: InvalidationPollerDeps): InvalidationPoller {
  const { log, memory, sharedTier, clock } = deps;
  const followForMemory = createFollowLog({
    log,
    lookBackMs: VOID_MS,
    async apply(invalidations) {
      applyInvalidations(invalidations, deps);
      return true;
    },
    // Better to ask the database again than to serve what may be void.
    onMissed: () => memory.clear(),
    clock,
  });
  const tierFollower = sharedTier && createTierFollower({ tier: sharedTier, log, clock });
  return {
    async poll() {
      await Promise.all([followForMemory(), tierFollower?.follow()]);
    },
    isSharedTierInformed: () => tierFollower?.isInformed() ?? true,
  };
}
