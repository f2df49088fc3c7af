import { asc, gt, gte, max, min } from "drizzle-orm";
import type { MySql2Database } from "drizzle-orm/mysql2";
import type { InvalidationLog } from "../../classification/ports/invalidations.ts";
import { chunked } from "../chunked.ts";
import { isTrimmed } from "../invalidation-rows.ts";
import { ROWS_PER_STATEMENT } from "../tables.ts";
import { retryDeadlock } from "./retry-deadlock.ts";
import { invalidations } from "./schema.ts";

export function createMysqlInvalidations(db: MySql2Database): InvalidationLog {
  const { id, kind, digest, before } = invalidations;
  return {
    async announce(announced) {
      for (const batch of chunked(announced, ROWS_PER_STATEMENT))
        await db.insert(invalidations).values(batch);
    },
    read: (afterId, limit) =>
      db
        .select({ id, kind, digest, before })
        .from(invalidations)
        .where(gt(id, afterId))
        .orderBy(asc(id))
        .limit(limit),
    async lastId(announcedBefore) {
      const isLater = gte(before, announcedBefore);
      const [later] = await db
        .select({ first: min(id) })
        .from(invalidations)
        .where(isLater);
      if (typeof later?.first === "number") return later.first - 1;
      const [all] = await db.select({ last: max(id) }).from(invalidations);
      return all?.last ?? 0;
    },
    async trim(announcedBefore, limit) {
      const [{ affectedRows }] = await retryDeadlock(() =>
        db
          .delete(invalidations)
          .where(isTrimmed(invalidations, announcedBefore))
          .orderBy(asc(before))
          .limit(limit),
      );
      return affectedRows;
    },
  };
}
