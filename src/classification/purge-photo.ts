import { applyInvalidations } from "./apply-invalidations.ts";
import type { Digest } from "./identity.ts";
import type { MemoryTier } from "./ports/memory-tier.ts";
import type { Outcome } from "./ports/outcome.ts";
import type { GuardedStore, PurgedPhoto } from "./ports/result-store.ts";
import type { SharedTier } from "./ports/shared-tier.ts";
import type { UpgradeQueue } from "./ports/upgrade-queue.ts";

export interface PurgePhotoDeps {
  store: Pick<GuardedStore, "purgePhoto">;
  memory: Pick<MemoryTier, "invalidate">;
  /** null: there is none. */
  sharedTier: Pick<SharedTier, "invalidate"> | null;
  upgrades: Pick<UpgradeQueue, "discard">;
  clock: () => number;
}

/**
 * Takes everything away that is kept of a photo: named by its digest, or by a hash that was claimed for
 * it. Where nothing was kept it is announced all the same: another process may have the photo in memory
 * or in its journal. Never rejects.
 */
export type PurgePhoto = (hash: Digest) => Promise<Outcome<PurgeCounts, "unavailable">>;

/** Pictures are those that waited for an upgrade in this process's folder. */
export interface PurgeCounts extends Pick<PurgedPhoto, "results" | "claims" | "aliases"> {
  pictures: number;
}

export function createPurgePhoto(deps: PurgePhotoDeps): PurgePhoto {
  const { store, sharedTier, clock } = deps;
  return async function purgePhoto(hash) {
    const purged = await store.purgePhoto(hash, clock());
    if (!purged.ok) return purged;
    const { invalidations, ...counts } = purged.value;
    // The others hear of it from the log; who asked hears an answer that is true here already.
    const pictures = applyInvalidations(invalidations, deps);
    await sharedTier?.invalidate(invalidations);
    return { ok: true, value: { ...counts, pictures } };
  };
}
