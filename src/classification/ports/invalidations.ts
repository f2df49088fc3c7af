import type { Digest } from "../identity.ts";
import type { Outcome } from "./outcome.ts";

/**
 * What was served and must not be any more.
 * `purged`: an operator took the photo's results away. `replaced`: a provisional result gave way to a
 * better one. `alias_disputed`: the alias `digest` answers nobody but its own callers now.
 */
export interface Invalidation {
  kind: "purged" | "replaced" | "alias_disputed";
  /** Of the photo, or the alias itself. */
  digest: Digest;
  /** Only results made before this are meant, so that a slow read cannot bring one back; milliseconds since the epoch. */
  before: number;
}

/**
 * The order of what was announced by any process that shares the database. Each method is one whole
 * operation and rejects when the database cannot answer.
 */
export interface InvalidationLog {
  announce(invalidations: readonly Invalidation[]): Promise<void>;
  /**
   * What was announced with an id above `afterId`, lowest first, at most `limit`. An id may become
   * visible after a higher one: it is taken before its transaction commits.
   */
  read(afterId: number, limit: number): Promise<LoggedInvalidation[]>;
  /** Highest id up to which every `before` is under `announcedBefore`; 0 when there is none. */
  lastId(announcedBefore: number): Promise<number>;
  /**
   * Deletes at most `limit` that were announced before `before`; resolves to how many went. Purges
   * stay for `PURGES_KEPT_MS` longer: a journal may offer what they took away after weeks.
   */
  trim(before: number, limit: number): Promise<number>;
}

export type LoggedInvalidation = Invalidation & { id: number };

/** The log with a deadline for every call; while the database is down calls return at once. */
export type GuardedInvalidationLog = {
  [Method in keyof InvalidationLog]: (
    ...args: Parameters<InvalidationLog[Method]>
  ) => Promise<Outcome<Awaited<ReturnType<InvalidationLog[Method]>>, "unavailable">>;
};

/** How long the log goes back: a process that could not read it for this long may have missed some. */
export const INVALIDATIONS_KEPT_MS = 3_600_000;
export const PURGES_KEPT_MS = 30 * 86_400_000;

/** How long a tier refuses what was invalidated: longer than a read can take or a replica lag. */
export const VOID_MS = 60_000;
