import { NOBODY, type CallerId } from "./alias.ts";
import type { Digest, ImageHash } from "./identity.ts";
import type { MemoryTier } from "./ports/memory-tier.ts";
import type { Recorder } from "./ports/recorder.ts";
import type { Telemetry } from "./ports/telemetry.ts";
import type { CacheMatch, StoredResult } from "./result.ts";
import { createStoredTiers, type StoredTiersDeps } from "./stored-tiers.ts";
import type { UpgradeQueue } from "./ports/upgrade-queue.ts";

export type Tier = "memory" | "redis" | "sql";

/** What the tiers know of one hash. */
export interface LookupAnswer {
  match: CacheMatch | null;
  /** Which tier answered; null on a miss. */
  tier: Tier | null;
  /** False when the database could not be asked, so that a miss may be a hit tomorrow. */
  complete: boolean;
}

/** A result of the very photo that was asked for. */
export interface FoundResult {
  result: StoredResult;
  tier: Tier;
}

export interface LookupDeps extends StoredTiersDeps {
  memory: MemoryTier;
  /** Supporters an alias needs to answer everyone; null: aliases answer nobody. */
  quorum: number | null;
  recorder: Recorder;
  upgrades: Pick<UpgradeQueue, "noteRequest">;
  telemetry: Telemetry;
}

/** Asks the tiers in their order. Never throws: a tier that is down is passed by. */
export interface Lookup {
  /** What the first tier answers everyone, without knowing who asks; null: the caller matters. */
  findForEveryone(hash: ImageHash): LookupAnswer | null;
  /** The first tier alone, without waiting. */
  findInMemory(hash: ImageHash, caller: CallerId): LookupAnswer | null;
  find(hash: ImageHash, caller: CallerId): Promise<LookupAnswer>;
  /**
   * The result of this very photo, from the tiers behind the first, which has at best somebody's claim.
   * Sees every result that was stored before: a miss here costs a model call. Null also while nobody
   * can say.
   */
  findStored(digest: Digest): Promise<FoundResult | null>;
  /** The same for who waits for another process' model call, and asks again and again. */
  findMade(digest: Digest): Promise<FoundResult | null>;
  /** Answers in the order asked, duplicates included, with at most one query of each tier. */
  findMany(hashes: readonly ImageHash[], caller: CallerId): Promise<LookupAnswer[]>;
}

const UNKNOWN: LookupAnswer = { match: null, tier: null, complete: true };
const UNANSWERED: LookupAnswer = { match: null, tier: null, complete: false };

export function createLookup(deps: LookupDeps): Lookup {
  const { memory, quorum, recorder, upgrades, telemetry, clock } = deps;
  const findInStoredTiers = createStoredTiers(deps);

  function note(match: CacheMatch, tier: Tier): LookupAnswer {
    recorder.recordHit(match.result, clock());
    if (match.result.provisional) upgrades.noteRequest(match.result.digest);
    telemetry.lookedUp(tier);
    return { match, tier, complete: true };
  }

  function findForEveryone(hash: ImageHash): LookupAnswer | null {
    const match = memory.get(hash, NOBODY);
    return match && note(match, "memory");
  }

  function findInMemory(hash: ImageHash, caller: CallerId): LookupAnswer | null {
    const match = memory.get(hash, caller);
    if (match) return note(match, "memory");
    if (!memory.isUnknown(hash, caller)) return null;
    telemetry.lookedUp("miss");
    return UNKNOWN;
  }

  /** At most one query of each tier for hashes that the first tier does not know. */
  async function findBehindMemory(
    hashes: readonly ImageHash[],
    caller: CallerId,
  ): Promise<Map<ImageHash, LookupAnswer>> {
    const query = { hashes, caller, quorum, fresh: false };
    const { found, complete } = await findInStoredTiers(query);
    const answers = new Map<ImageHash, LookupAnswer>();
    for (const hash of hashes) {
      const answer = found.get(hash);
      if (answer) {
        memory.remember(answer.match, caller);
        answers.set(hash, note(answer.match, answer.tier));
      } else if (complete) {
        memory.rememberUnknown(hash, caller);
        telemetry.lookedUp("miss");
        answers.set(hash, UNKNOWN);
      } else {
        telemetry.lookedUp("unavailable");
        answers.set(hash, UNANSWERED);
      }
    }
    return answers;
  }

  async function findMany(hashes: readonly ImageHash[], caller: CallerId) {
    const answers = new Map<ImageHash, LookupAnswer>();
    const remaining: ImageHash[] = [];
    for (const hash of new Set(hashes)) {
      const answer = findInMemory(hash, caller);
      if (answer) answers.set(hash, answer);
      else remaining.push(hash);
    }
    if (remaining.length > 0) {
      for (const [hash, answer] of await findBehindMemory(remaining, caller))
        answers.set(hash, answer);
    }
    return hashes.map((hash) => answers.get(hash)!);
  }

  async function findPhoto(digest: Digest) {
    const query = { hashes: [digest], caller: NOBODY, quorum: null, fresh: true };
    const { found, complete } = await findInStoredTiers(query);
    const answer = found.get(digest);
    if (!answer) return { photo: null, complete };
    const { match, tier } = answer;
    memory.remember(match, NOBODY);
    note(match, tier);
    return { photo: { result: match.result, tier }, complete };
  }

  return {
    findForEveryone,
    findInMemory,
    findMany,
    async findStored(digest) {
      const { photo, complete } = await findPhoto(digest);
      if (!photo) telemetry.lookedUp(complete ? "miss" : "unavailable");
      return photo;
    },
    findMade: async (digest) => (await findPhoto(digest)).photo,
    async find(hash, caller) {
      const known = findInMemory(hash, caller);
      return known ?? (await findBehindMemory([hash], caller)).get(hash)!;
    },
  };
}
