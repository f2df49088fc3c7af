import { eq } from "drizzle-orm";
import type { MySql2Database } from "drizzle-orm/mysql2";
import type { SpendingLedger } from "../../classification/spending.ts";
import { hasRoom, increased, leavesRoom, NOTHING_SPENT } from "../spending-limits.ts";
import { retryDeadlock } from "./retry-deadlock.ts";
import { spending } from "./schema.ts";

const ROW = { calls: spending.calls, costMicros: spending.costMicros };

export function createMysqlLedger(db: MySql2Database): SpendingLedger {
  async function find(day: string) {
    const [row] = await db.select(ROW).from(spending).where(eq(spending.day, day));
    return row;
  }

  return {
    async reserve(day, costMicros, limits) {
      const count = async () => {
        const [{ affectedRows }] = await retryDeadlock(() =>
          db
            .update(spending)
            .set(increased(spending, { calls: 1, costMicros }))
            .where(hasRoom(spending, day, costMicros, limits)),
        );
        return affectedRows === 1;
      };
      if (await count()) return true;
      const spent = await find(day);
      if (spent && !leavesRoom(spent, costMicros, limits)) return false;
      // The day's first call; of several processes that insert the row, one does.
      const row = { day, ...NOTHING_SPENT };
      await retryDeadlock(() =>
        db.insert(spending).values(row).onDuplicateKeyUpdate({ set: { day } }),
      );
      return count();
    },
    async adjust(day, change) {
      await retryDeadlock(() =>
        db.update(spending).set(increased(spending, change)).where(eq(spending.day, day)),
      );
    },
    async read(day) {
      return (await find(day)) ?? NOTHING_SPENT;
    },
  };
}
