import type { Digest } from "./identity.ts";

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
  /** What was announced with an id above `afterId`, oldest first, at most `limit`. */
  read(afterId: number, limit: number): Promise<(Invalidation & { id: number })[]>;
  /** Id of the newest; 0 when there is none. */
  lastId(): Promise<number>;
  /** Deletes at most `limit` that were announced before `before`; resolves to how many went. */
  trim(before: number, limit: number): Promise<number>;
}
