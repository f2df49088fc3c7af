import { and, type Column, eq, type SQL, sql } from "drizzle-orm";
import type { Spending, SpendingLimits } from "../classification/spending.ts";

export const NOTHING_SPENT: Spending = { calls: 0, costMicros: 0 };

type SpendingColumns = Record<"day" | "calls" | "costMicros", Column>;

/**
 * The day's row, while one more call of this cost keeps it within its limits. Checked by the same
 * statement that counts the call: between a read and a write, another process would spend the rest.
 */
export function hasRoom(
  columns: SpendingColumns,
  day: string,
  costMicros: number,
  limits: SpendingLimits,
): SQL | undefined {
  const { calls, costMicros: spent } = columns;
  return and(
    eq(columns.day, day),
    limits.calls === null ? undefined : sql`${calls} < ${limits.calls}`,
    limits.costMicros === null
      ? undefined
      : and(
          sql`${spent} + ${costMicros} <= ${limits.costMicros}`,
          // Calls that cost nothing end with the money, too.
          sql`${spent} < ${limits.costMicros}`,
        ),
  );
}

export function increased(columns: SpendingColumns, { calls, costMicros }: Spending) {
  return {
    calls: sql`${columns.calls} + ${calls}`,
    costMicros: sql`${columns.costMicros} + ${costMicros}`,
  };
}

/** The same rule for a row that was read. */
export function leavesRoom(spent: Spending, costMicros: number, limits: SpendingLimits): boolean {
  if (limits.calls !== null && spent.calls >= limits.calls) return false;
  if (limits.costMicros === null) return true;
  return spent.costMicros < limits.costMicros && spent.costMicros + costMicros <= limits.costMicros;
}
