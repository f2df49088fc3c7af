import type { AliasClaim, AliasPolicy, CallerId, ClaimVerdict } from "../alias.ts";
import type { Digest, ImageHash } from "../identity.ts";
import type { PictureHash } from "../picture-hash.ts";
import type { CacheMatch, StoredResult } from "../result.ts";
import type { Invalidation } from "./invalidations.ts";
import type { Outcome } from "./outcome.ts";
import type { RequestRecord } from "./recorder.ts";

/**
 * Where results live for good. One implementation per database dialect; each method is one whole
 * operation. Methods reject when the database cannot answer; the guard around a store turns that
 * into values.
 */
export interface ResultStore {
  /**
   * Answers many hashes with one query: by digest, by an alias with at least `quorum` supporters, by
   * the caller's own claim, or by a fingerprint that exactly one digest has, over all profiles.
   * Where several answer a hash, the first of that order wins. Expired results are left out.
   * Keys that nothing answers are missing from the map.
   */
  find(query: FindQuery): Promise<Map<ImageHash, CacheMatch>>;
  /** Results that callers' uploads under this alias were answered with, the leader's first, then newest first. */
  findClaimed(query: ClaimedQuery): Promise<ClaimedResult[]>;
  /**
   * Inserts or replaces by (profileId, digest). A provisional result never replaces one that is not;
   * the hit count of a replaced result stays. What was made before a purge of its photo is left out.
   */
  saveResults(results: readonly StoredResult[]): Promise<void>;
  /** Records the claim and moves the alias's standing by `weighClaim`, atomically per alias. */
  recordClaim(claim: AliasClaim, policy: AliasPolicy): Promise<ClaimVerdict>;
  addHits(hits: readonly HitCount[]): Promise<void>;
  appendRequests(requests: readonly RequestRecord[]): Promise<void>;
  /** Unexpired results of the profile, most requested first. */
  findHottest(profileId: string, limit: number, now: number): Promise<StoredResult[]>;
  /** Deletes at most `limit` rows of each kind; resolves to how many went. */
  purge(query: PurgeQuery): Promise<PurgeCount>;
  /**
   * Deletes a photo's results of every profile, the claims that point to them and the standing of their
   * aliases, and announces it, all in one transaction. Of an alias, the photos that it stands for go.
   * What was made before and is saved later is left out: `saveResults` knows of purges for weeks.
   */
  purgePhoto(hash: Digest, now: number): Promise<PurgedPhoto>;
  /** Resolves when the database answers. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface FindQuery {
  profileId: string;
  hashes: readonly ImageHash[];
  caller: CallerId;
  /** Supporters an alias needs to answer everyone; null: aliases and claims answer nobody. */
  quorum: number | null;
  now: number;
  /** Whether the answer must know every write that was acknowledged before; else it may be some seconds old. */
  fresh: boolean;
}

export interface ClaimedQuery {
  profileId: string;
  alias: Digest;
  limit: number;
  now: number;
}

export interface ClaimedResult {
  /** Of the picture that was uploaded under the alias. */
  pictureHash: PictureHash;
  result: StoredResult;
}

export interface HitCount {
  profileId: string;
  digest: Digest;
  count: number;
  lastHitAt: number;
}

/**
 * A store that cannot fail a caller: every method has a deadline and resolves to a value, and while
 * the database is down calls return at once.
 */
export type GuardedStore = {
  [Method in Exclude<keyof ResultStore, "close">]: (
    ...args: Parameters<ResultStore[Method]>
  ) => Promise<Outcome<Awaited<ReturnType<ResultStore[Method]>>, "unavailable">>;
} & { isAvailable(): boolean };

export interface PurgeQuery {
  /** Results that expired before this go, with the claims that only they answered. */
  now: number;
  /** Request log lines older than this go. */
  requestsBefore: number;
  limit: number;
}

export interface PurgeCount {
  results: number;
  claims: number;
  requests: number;
}

/** What went with a photo; rows of the database. */
export interface PurgedPhoto {
  results: number;
  claims: number;
  /** Aliases that nobody vouches for any more, or fewer. */
  aliases: number;
  /** What was announced. */
  invalidations: Invalidation[];
}
