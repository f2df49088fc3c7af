import type { Logger } from "pino";
import { NOBODY } from "./classification/alias.ts";
import { toServedResult, type KeepingPolicy } from "./classification/keeping.ts";
import type { MemoryTier } from "./classification/ports/memory-tier.ts";
import type { GuardedStore } from "./classification/ports/result-store.ts";

const MAX_WARM_ENTRIES = 10_000;

/** Loads the most requested results into memory, so that a restart does not begin cold. */
export async function warmUp(
  memory: MemoryTier,
  store: GuardedStore,
  keeping: KeepingPolicy,
  maxEntries: number,
  log: Logger,
): Promise<void> {
  const now = Date.now();
  const limit = Math.min(maxEntries, MAX_WARM_ENTRIES);
  const hottest = await store.findHottest(keeping.profileId, limit, now);
  if (!hottest.ok) return;
  let loaded = 0;
  for (const stored of hottest.value.toReversed()) {
    const result = toServedResult(stored, keeping, now);
    if (!result) continue;
    memory.remember({ hash: result.digest, kind: "digest", result }, NOBODY);
    loaded++;
  }
  if (loaded > 0) log.info({ loaded }, "hot results are in memory");
}
