import { eq } from "drizzle-orm";
import type { BunSQLiteDatabase } from "drizzle-orm/bun-sqlite";
import type { SpendingLedger } from "../../classification/spending.ts";
import { hasRoom, increased, leavesRoom, NOTHING_SPENT } from "../spending-limits.ts";
import { spending } from "./schema.ts";
import { affectedRows } from "./writes.ts";

const ROW = { calls: spending.calls, costMicros: spending.costMicros };

export function createSqliteLedger(db: BunSQLiteDatabase): SpendingLedger {
  const find = (day: string) => db.select(ROW).from(spending).where(eq(spending.day, day)).get();

  return {
    async reserve(day, costMicros, limits) {
      const count = () => {
        const update = db
          .update(spending)
          .set(increased(spending, { calls: 1, costMicros }))
          .where(hasRoom(spending, day, costMicros, limits));
        return affectedRows(update.run()) === 1;
      };
      if (count()) return true;
      const spent = find(day);
      if (spent && !leavesRoom(spent, costMicros, limits)) return false;
      // The day's first call; of several processes that insert the row, one does.
      db.insert(spending)
        .values({ day, ...NOTHING_SPENT })
        .onConflictDoNothing()
        .run();
      return count();
    },
    async adjust(day, change) {
      db.update(spending).set(increased(spending, change)).where(eq(spending.day, day)).run();
    },
    async read(day) {
      return find(day) ?? NOTHING_SPENT;
    },
  };
}
