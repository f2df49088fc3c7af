import { and, type Column, eq, gt, inArray, lt, ne, or, type SQL } from "drizzle-orm";
import { type Invalidation, PURGES_KEPT_MS } from "../classification/ports/invalidations.ts";

type Columns = Record<"kind" | "before", Column>;

/** What goes, when what was announced before `before` does. */
export function isTrimmed(columns: Columns, before: number): SQL | undefined {
  const { kind } = columns;
  return and(
    lt(columns.before, before),
    or(ne(kind, PURGED), lt(columns.before, before - PURGES_KEPT_MS)),
  );
}

export const PURGED: Invalidation["kind"] = "purged";

/** The purges that may take any of these results away, found by the index on their time. */
export function purgesSince(
  columns: Columns & Record<"digest", Column>,
  made: readonly { digest: string; createdAt: number }[],
): SQL | undefined {
  const oldest = Math.min(...made.map(({ createdAt }) => createdAt));
  const digests = made.map(({ digest }) => digest);
  return and(
    gt(columns.before, oldest),
    eq(columns.kind, PURGED),
    inArray(columns.digest, digests),
  );
}

/** Those of the results that were made before a purge of their photo. */
export function purgedAmong<Made extends { digest: string; createdAt: number }>(
  made: readonly Made[],
  purges: readonly Pick<Invalidation, "digest" | "before">[],
): Made[] {
  return made.filter(({ digest, createdAt }) =>
    purges.some((purge) => purge.digest === digest && createdAt < purge.before),
  );
}
