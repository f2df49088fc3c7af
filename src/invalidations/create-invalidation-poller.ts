import {
  type GuardedInvalidationLog,
  INVALIDATIONS_KEPT_MS,
  VOID_MS,
} from "../classification/invalidations.ts";
import type { MemoryTier } from "../classification/ports.ts";
import type { SharedTier } from "../classification/shared-tier.ts";
import { createFollowLog } from "./follow-log.ts";

export interface InvalidationPollerDeps {
  log: Pick<GuardedInvalidationLog, "read" | "lastId">;
  memory: Pick<MemoryTier, "invalidate" | "clear">;
  /** null: there is none. */
  sharedTier: Pick<SharedTier, "invalidate"> | null;
  clock: () => number;
}

/** How often the log is asked: an invalidation must be everywhere within two seconds. */
export const POLL_INTERVAL_MS = 700;

/**
 * Applies to this process's memory and to the shared tier what any process has announced. The first
 * call finds the log's end, so it must come before anything is read into memory. Never rejects.
 */
export type PollInvalidations = () => Promise<void>;

export function createInvalidationPoller(deps: InvalidationPollerDeps): PollInvalidations {
  const { log, memory, sharedTier, clock } = deps;
  const followers = [
    createFollowLog({
      log,
      lookBackMs: VOID_MS,
      async apply(invalidations) {
        for (const invalidation of invalidations) memory.invalidate(invalidation);
        return true;
      },
      // Better to ask the database again than to serve what may be void.
      onMissed: () => memory.clear(),
      clock,
    }),
  ];
  if (sharedTier) {
    followers.push(
      createFollowLog({
        log,
        // It outlives this process, which may have died before it told it.
        lookBackMs: INVALIDATIONS_KEPT_MS,
        apply: (invalidations) => sharedTier.invalidate(invalidations),
        onMissed: null,
        clock,
      }),
    );
  }
  return async () => void (await Promise.all(followers.map((follow) => follow())));
}
