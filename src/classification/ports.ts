import type { AliasClaim, AliasPolicy, CallerId, ClaimVerdict } from "./alias.ts";
import type { Digest, ImageHash } from "./identity.ts";
import type { Invalidation } from "./invalidations.ts";
import type { PictureHash } from "./picture-hash.ts";
import type { Profile } from "./profile.ts";
import type { CacheMatch, Classification, ClassificationMethod, StoredResult } from "./result.ts";
import type { Turn } from "./take-turn.ts";
import type { Thumbnail, ThumbnailShape } from "./thumbnail.ts";

/** An expected failure of a tier: a value that drives the fallback, never an exception. */
export type Outcome<Value, Reason extends string> =
  { ok: true; value: Value } | { ok: false; reason: Reason; detail: string };

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

/** The first tier, in this process: bounded, expiring, and asked on every request. */
export interface MemoryTier {
  get(hash: ImageHash, caller: CallerId): CacheMatch | null;
  remember(match: CacheMatch, caller: CallerId): void;
  /** Whether the hash was found nowhere within the last seconds. A known hash is never unknown. */
  isUnknown(hash: ImageHash, caller: CallerId): boolean;
  rememberUnknown(hash: ImageHash, caller: CallerId): void;
  /**
   * Drops what is meant and accepts none of it for a minute, so that no slow read brings it back.
   * Of a disputed alias, its callers' own claims stay.
   */
  invalidate(invalidation: Invalidation): void;
  /** Whether it was invalidated within that minute: the database must be asked for its newest writes. */
  isVoid(match: CacheMatch): boolean;
  /** Drops everything; what was invalidated stays refused. */
  clear(): void;
}

/** Writes what must not be lost: to the database, or to a journal until the database is back. */
export interface ResultSink {
  saveResult(result: StoredResult): Promise<SaveOutcome>;
  /** Resolves to null when the verdict must wait until the database is back. */
  recordClaim(claim: AliasClaim): Promise<ClaimVerdict | null>;
}

export type SaveOutcome = "stored" | "journaled" | "lost";

/** Counts what happens, for metrics; must cost next to nothing. */
export interface Telemetry {
  lookedUp(outcome: "memory" | "redis" | "sql" | "miss" | "unavailable"): void;
  classified(method: ClassificationMethod, durationMs: number): void;
  classificationFailed(reason: string): void;
  claimed(verdict: ClaimVerdict): void;
  upgraded(): void;
  /** How this process came to the model call of an unknown photo. */
  tookTurn(kind: Turn["kind"]): void;
  /** A language model answered; `answer` says which, and what it took. */
  paid(answer: Classification): void;
}

/** Takes notes off the request path: bounded, batched, sheds request lines first. */
export interface Recorder {
  /** `describe` is called only where there is room for the line: under load most are shed. */
  recordRequest(describe: () => RequestRecord): void;
  recordHit(result: StoredResult, at: number): void;
}

/** One line of the request log. */
export interface RequestRecord {
  requestId: string;
  at: number;
  operation: "check_cache" | "batch_check_cache" | "classify" | "batch_classify";
  userId: string | null;
  ip: string | null;
  /** Images asked about, 1 for the single operations. */
  imageCount: number;
  /** Images answered from the cache. */
  cachedCount: number;
  failedCount: number;
  /** HTTP status. */
  status: number;
  durationMs: number;
  /** Of a single classification: how it was answered. */
  method: "cache" | "llm" | "llm_fallback" | "local" | "local_fallback" | null;
  category: string | null;
  digest: Digest | null;
  /** Who answered, where the request made model calls of its own and all went to the same. */
  provider: string | null;
  model: string | null;
  /** Of the calls that answered; null where no provider counted any. */
  inputTokens: number | null;
  outputTokens: number | null;
  /** In millionths of the money unit. */
  costMicros: number;
}

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

/** Why an upload is not a picture we read. */
export type PictureRejection = "unsupported_format" | "corrupt" | "too_many_pixels";

export type PictureFailure = PictureRejection | "overloaded";

/** A decoded upload, made ready for a language model. */
export interface PreparedPicture {
  /** JPEG, upright, sRGB, no metadata, shrunk to what the providers want. */
  jpeg: Uint8Array;
  pictureHash: PictureHash;
}

/** What one small decode tells of an upload. */
export interface PictureGlance {
  pictureHash: PictureHash;
  thumbnail: Thumbnail;
}

/** Decodes uploads, with bounded concurrency. Bytes handed in are not kept. */
export interface PictureReader {
  /** Decodes a thumbnail: enough to tell whether it is a picture and what it looks like. */
  glance(
    bytes: Uint8Array,
    shape?: ThumbnailShape,
  ): Promise<Outcome<PictureGlance, PictureFailure>>;
  /**
   * Makes the JPEG of a PreparedPicture, at most `maxSide` pixels on its long side: several times the
   * work of `glance`. Default: what all providers are served by.
   */
  encode(bytes: Uint8Array, maxSide?: number): Promise<Outcome<Uint8Array, PictureFailure>>;
}

export type LanguageModelFailure =
  | "timeout"
  | "unreachable"
  | "rate_limited"
  | "unauthorized"
  | "rejected"
  | "refused"
  | "malformed_output"
  | "server_error"
  | "circuit_open"
  | "overloaded"
  | "over_budget";

export interface LanguageModelAnswer {
  category: string;
  confidence: number;
  description: string;
  provider: string;
  model: string;
  /** As the provider counted them; null where it does not say. */
  usage: { inputTokens: number; outputTokens: number } | null;
  /** Of the call that answered, in millionths of the money unit, a whole number. */
  costMicros: number;
}

export interface LanguageModel {
  /** Settles by `deadlineAt` (milliseconds since the epoch), whatever the provider does. */
  classify(
    picture: PreparedPicture,
    profile: Profile,
    deadlineAt: number,
  ): Promise<Outcome<LanguageModelAnswer, LanguageModelFailure>>;
  /** Whether a call made now would be sent: false while the circuit breaker is open. */
  isAvailable(): boolean;
  /** How many calls made now would start at once; 0 while anybody waits for a turn. */
  spareCapacity(): number;
}

export type LocalModelFailure = PictureFailure | "timeout" | "worker_crashed" | "closed";

export interface LocalModelAnswer {
  /** Probability of each of the model's labels, 0..1. */
  labels: Record<string, number>;
}

/** Facts about the local model that the domain maps by. */
export interface LocalModelCard {
  name: string;
  version: string;
  /** Model label to the category key that it means in the default taxonomy. */
  categories: Record<string, string>;
  /** Confidence under which an answer counts as unsure, 0..1. */
  unsure: number;
}

/** An upload as a local model looks at it. */
export interface LocalPicture {
  /** As they came. */
  bytes: Uint8Array;
  /** By PictureReader; decoded when first asked for, and once. */
  glance(): Promise<Outcome<PictureGlance, PictureFailure>>;
}

export interface LocalModel {
  readonly card: LocalModelCard;
  /** A thumbnail of this shape is all it looks at; null: it decodes by itself. */
  readonly thumbnailShape: ThumbnailShape | null;
  /** Settles by `deadlineAt`, milliseconds since the epoch. */
  classify(
    picture: LocalPicture,
    deadlineAt: number,
  ): Promise<Outcome<LocalModelAnswer, LocalModelFailure>>;
  /** Whether at least one worker can take tasks. */
  isAvailable(): boolean;
}
