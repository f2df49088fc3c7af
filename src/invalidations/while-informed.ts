import type { SharedTier } from "../classification/ports/shared-tier.ts";
import type { InvalidationPoller } from "./create-invalidation-poller.ts";

/** The tier, read only while it has been told what must not be served. What is written to it is new. */
export function whileInformed(
  tier: SharedTier,
  poller: Pick<InvalidationPoller, "isSharedTierInformed">,
): SharedTier {
  return {
    ...tier,
    find: async (hashes) => (poller.isSharedTierInformed() ? tier.find(hashes) : UNINFORMED),
  };
}

const UNINFORMED = {
  ok: false,
  reason: "unavailable",
  detail: "it may hold what was invalidated",
} as const;
