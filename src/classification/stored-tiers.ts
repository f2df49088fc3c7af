import type { CallerId } from "./alias.ts";
import type { ImageHash } from "./identity.ts";
import { toServedResult, type KeepingPolicy } from "./keeping.ts";
import type { MemoryTier } from "./ports/memory-tier.ts";
import type { FindQuery, GuardedStore } from "./ports/result-store.ts";
import type { CacheMatch } from "./result.ts";
import type { SharedTier } from "./ports/shared-tier.ts";

export interface StoredTiersDeps {
  /** null: there is none, the database comes next to memory. */
  sharedTier: SharedTier | null;
  store: Pick<GuardedStore, "find">;
  /** Knows what was invalidated lately. */
  memory: Pick<MemoryTier, "isVoid">;
  keeping: KeepingPolicy;
  clock: () => number;
}

export interface StoredQuery {
  hashes: readonly ImageHash[];
  caller: CallerId;
  /** Supporters an alias needs to answer everyone; null: aliases answer nobody. */
  quorum: number | null;
  /** Whether a miss costs a model call, so that no result may be overlooked that was stored before. */
  fresh: boolean;
}

export interface StoredAnswers {
  /** What may be served now, by hash; the others are unknown. */
  found: Map<ImageHash, { match: CacheMatch; tier: "redis" | "sql" }>;
  /** False when the database could not be asked about the others. */
  complete: boolean;
}

/** Asks the tiers behind memory: the shared one about all, the database about what is left. */
export type FindStored = (query: StoredQuery) => Promise<StoredAnswers>;

export function createStoredTiers(deps: StoredTiersDeps): FindStored {
  const { sharedTier, store, memory, keeping, clock } = deps;

  /** A slow or lagging read may bring what was invalidated meanwhile; the newest writes do not. */
  async function askStore(query: FindQuery) {
    const outcome = await store.find(query);
    if (!outcome.ok) return outcome;
    const found = outcome.value;
    const voided = [...found.values()].filter((match) => memory.isVoid(match));
    if (voided.length === 0) return outcome;
    const hashes = voided.map(({ hash }) => hash);
    const again = await store.find({ ...query, hashes, fresh: true });
    if (!again.ok) return again;
    for (const hash of hashes) found.delete(hash);
    for (const [hash, match] of again.value) found.set(hash, match);
    return outcome;
  }

  async function askSharedTier(
    tier: SharedTier,
    { hashes, fresh }: StoredQuery,
  ): Promise<CacheMatch[]> {
    const outcome = await tier.find(hashes);
    if (!outcome.ok) return [];
    return [...outcome.value.values()].filter((match) => {
      // Behind an alias the database may have the photo's own result.
      const isOwn = match.kind === "digest";
      return (isOwn || !fresh) && !memory.isVoid(match);
    });
  }

  return async (query) => {
    const { hashes, caller, quorum, fresh } = query;
    const now = clock();
    const found: StoredAnswers["found"] = new Map();

    function accept(matches: Iterable<CacheMatch>, tier: "redis" | "sql"): void {
      for (const match of matches) {
        const result = toServedResult(match.result, keeping, now);
        if (result) found.set(match.hash, { match: { ...match, result }, tier });
      }
    }

    if (sharedTier?.isAvailable()) accept(await askSharedTier(sharedTier, query), "redis");
    const remaining = hashes.filter((hash) => !found.has(hash));
    if (remaining.length === 0) return { found, complete: true };

    const { profileId } = keeping;
    const outcome = await askStore({ profileId, hashes: remaining, caller, quorum, now, fresh });
    if (!outcome.ok) return { found, complete: false };
    const matches = [...outcome.value.values()];
    accept(matches, "sql");
    if (matches.length > 0) void sharedTier?.remember(matches);
    return { found, complete: true };
  };
}
