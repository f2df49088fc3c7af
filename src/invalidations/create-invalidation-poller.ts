import { type GuardedInvalidationLog, VOID_MS } from "../classification/ports/invalidations.ts";
import type { MemoryTier } from "../classification/ports/memory-tier.ts";
import type { SharedTier } from "../classification/ports/shared-tier.ts";
import type { UpgradeQueue } from "../classification/ports/upgrade-queue.ts";
import { createFollowLog, type FollowLog } from "./follow-log.ts";

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

/**
 * Longer than an entry of the shared tier lives: it outlives this process, and entries of a profile are
 * voided by processes of that profile alone. Of what is so old, the log holds nothing but purges.
 */
const SHARED_LOOK_BACK_MS = 100_000_000;

/**
 * Applies to this process's memory and to the shared tier what any process has announced. The first
 * call finds the log's end, so it must come before anything is read into memory. Never rejects.
 */
export type PollInvalidations = () => Promise<void>;

export function createInvalidationPoller(deps: InvalidationPollerDeps): PollInvalidations {
  const { log, memory, upgrades, sharedTier, clock } = deps;
  const followers: FollowLog[] = [
    createFollowLog({
      log,
      lookBackMs: VOID_MS,
      async apply(invalidations) {
        for (const invalidation of invalidations) {
          memory.invalidate(invalidation);
          if (invalidation.kind === "purged") upgrades.discard(invalidation);
        }
        return true;
      },
      // Better to ask the database again than to serve what may be void.
      onMissed: () => memory.clear(),
      clock,
    }),
  ];
  if (sharedTier) followers.push(createFollowForTier(sharedTier, deps));
  return async () => void (await Promise.all(followers.map((follow) => follow())));
}

/** Tells the shared tier, and once more from the beginning when it comes back: a restart may have made it forget. */
function createFollowForTier(
  tier: Pick<SharedTier, "invalidate" | "isAvailable">,
  { log, clock }: InvalidationPollerDeps,
): FollowLog {
  const begin = () =>
    createFollowLog({
      log,
      lookBackMs: SHARED_LOOK_BACK_MS,
      apply: (invalidations) => tier.invalidate(invalidations),
      onMissed: null,
      clock,
    });
  let follow = begin();
  let wasAvailable = true;
  return async () => {
    const isAvailable = tier.isAvailable();
    if (isAvailable && !wasAvailable) follow = begin();
    wasAvailable = isAvailable;
    if (isAvailable) await follow();
  };
}
