import { asc, gt, gte, inArray, max, min } from "drizzle-orm";
import type { BunSQLiteDatabase } from "drizzle-orm/bun-sqlite";
import type { InvalidationLog } from "../../classification/ports/invalidations.ts";
import { chunked } from "../chunked.ts";
import { isTrimmed } from "../invalidation-rows.ts";
import { ROWS_PER_STATEMENT } from "../tables.ts";
import { invalidations } from "./schema.ts";
import { affectedRows, WRITING } from "./writes.ts";

export function createSqliteInvalidations(db: BunSQLiteDatabase): InvalidationLog {
  const { id, kind, digest, before } = invalidations;
  return {
    async announce(announced) {
      if (announced.length === 0) return;
      db.transaction((tx) => {
        for (const batch of chunked(announced, ROWS_PER_STATEMENT))
          tx.insert(invalidations).values(batch).run();
      }, WRITING);
    },
    async read(afterId, limit) {
      return db
        .select({ id, kind, digest, before })
        .from(invalidations)
        .where(gt(id, afterId))
        .orderBy(asc(id))
        .limit(limit)
        .all();
    },
    async lastId(announcedBefore) {
      const isLater = gte(before, announcedBefore);
      const later = db
        .select({ first: min(id) })
        .from(invalidations)
        .where(isLater)
        .get();
      if (typeof later?.first === "number") return later.first - 1;
      const all = db
        .select({ last: max(id) })
        .from(invalidations)
        .get();
      return all?.last ?? 0;
    },
    async trim(announcedBefore, limit) {
      const old = db
        .select({ id })
        .from(invalidations)
        .where(isTrimmed(invalidations, announcedBefore))
        .orderBy(asc(before))
        .limit(limit);
      return affectedRows(db.delete(invalidations).where(inArray(id, old)).run());
    },
  };
}
