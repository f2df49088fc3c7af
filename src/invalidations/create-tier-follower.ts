import { type GuardedInvalidationLog, VOID_MS } from "../classification/ports/invalidations.ts";
import type { SharedTier } from "../classification/ports/shared-tier.ts";
import { createFollowLog } from "./follow-log.ts";

export interface TierFollowerDeps {
  tier: Pick<SharedTier, "invalidate" | "isAvailable">;
  log: Pick<GuardedInvalidationLog, "read" | "lastId">;
  clock: () => number;
}

/** Tells the shared tier what any process has announced. */
export interface TierFollower {
  /** Never rejects. */
  follow(): Promise<void>;
  /** False while the tier may hold what it should have been told so long ago that memory no longer refuses it. */
  isInformed(): boolean;
}

/**
 * Longer than an entry of the shared tier lives: it outlives this process, and entries of a profile are
 * voided by processes of that profile alone. Of what is so old, the log holds nothing but purges.
 */
const LOOK_BACK_MS = 100_000_000;
/** Shorter losses do no harm: for `VOID_MS` this process refuses what was invalidated, wherever it reads it. */
const HARMLESS_MS = VOID_MS / 2;

/** Tells the tier once more from the beginning when it comes back: a restart may have made it forget. */
export function createTierFollower({ tier, log, clock }: TierFollowerDeps): TierFollower {
  /** Since when the tier cannot be asked. */
  let lostAt: number | null = null;
  /** Since when it has not taken what it was told. */
  let refusedAt: number | null = null;
  /** Whether it was lost for long and has not been told everything since. */
  let isBehind = false;

  const begin = () =>
    createFollowLog({
      log,
      lookBackMs: LOOK_BACK_MS,
      async apply(invalidations) {
        const isTold = await tier.invalidate(invalidations);
        if (!isTold) refusedAt ??= clock();
        return isTold;
      },
      onMissed: null,
      clock,
    });
  const isLong = (since: number | null) => since !== null && clock() - since >= HARMLESS_MS;
  let followLog = begin();

  return {
    async follow() {
      if (!tier.isAvailable()) {
        lostAt ??= clock();
        return;
      }
      if (lostAt !== null) {
        followLog = begin();
        isBehind ||= isLong(lostAt);
        lostAt = null;
      }
      if (!(await followLog())) return;
      isBehind = false;
      refusedAt = null;
    },
    isInformed: () => !isBehind && !isLong(lostAt) && !isLong(refusedAt),
  };
}
