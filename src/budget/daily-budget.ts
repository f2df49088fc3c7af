import type {
  CallBudget,
  Spending,
  SpendingLedger,
  SpendingLimits,
} from "../classification/spending.ts";
import type { DayOf } from "./calendar.ts";

export interface DailyBudgetOptions {
  ledger: SpendingLedger;
  /** False while the database is known to be down: it is not even asked then. */
  isLedgerAvailable: () => boolean;
  limits: SpendingLimits;
  dayOf: DayOf;
  onError: (error: unknown) => void;
  clock: () => number;
}

/** Today's spending as it was last read. */
export interface BudgetStatus {
  day: string;
  spent: Spending;
  limits: SpendingLimits;
  /** Nothing is left, or not enough for the last call that was asked for. */
  isExhausted: boolean;
}

export interface DailyBudget extends CallBudget {
  status(): BudgetStatus;
  /** Writes what is settled and not yet written, then reads where today stands. */
  refresh(): Promise<void>;
}

const NOTHING: Spending = { calls: 0, costMicros: 0 };

/**
 * A budget that holds over every process of a database: each call is counted at its estimate before it
 * is made, in the statement that checks the limits, and corrected when it is settled. What is never
 * settled, because the process died, stays counted. A budget is a promise about money, so without the
 * database no call is made.
 */
export function createDailyBudget(options: DailyBudgetOptions): DailyBudget {
  const { ledger, limits, dayOf, clock } = options;
  /** Corrections by day that are not written yet; one entry per day on which calls are still under way. */
  const unwritten = new Map<string, Spending>();
  let writing: Promise<void> | null = null;
  let lastRead = { day: dayOf(clock()), spent: NOTHING };
  /** The day on which the last call asked for was refused; null: it was allowed. */
  let refusedOn: string | null = null;

  function correct(day: string, { calls, costMicros }: Spending): void {
    if (calls === 0 && costMicros === 0) return;
    const sum = unwritten.get(day) ?? NOTHING;
    unwritten.set(day, { calls: sum.calls + calls, costMicros: sum.costMicros + costMicros });
  }

  async function writeCorrections(): Promise<void> {
    for (const [day, change] of unwritten) {
      unwritten.delete(day);
      try {
        await ledger.adjust(day, change);
      } catch (error) {
        options.onError(error);
        // It may have been written all the same: what would be given back twice is given up.
        correct(day, { calls: 0, costMicros: Math.max(0, change.costMicros) });
        return;
      }
    }
  }

  function write(): Promise<void> {
    writing ??= writeCorrections().finally(() => (writing = null));
    return writing;
  }

  return {
    async reserve(estimateMicros) {
      if (!options.isLedgerAvailable()) return null;
      const day = dayOf(clock());
      try {
        const isAllowed = await ledger.reserve(day, estimateMicros, limits);
        refusedOn = isAllowed ? null : day;
        if (!isAllowed) return null;
      } catch (error) {
        options.onError(error);
        return null;
      }
      return {
        settle({ sent, costMicros }) {
          const counted = sent ? costMicros : 0;
          correct(day, { calls: sent ? 0 : -1, costMicros: counted - estimateMicros });
          if (unwritten.size > 0) void write();
        },
      };
    },
    status() {
      const { day, spent } = lastRead;
      return { day, spent, limits, isExhausted: refusedOn === day || !leavesRoom(spent, limits) };
    },
    async refresh() {
      // A write about to end may have looked for corrections for the last time.
      await writing;
      await write();
      const day = dayOf(clock());
      try {
        lastRead = { day, spent: await ledger.read(day) };
      } catch (error) {
        options.onError(error);
      }
    },
  };
}

function leavesRoom(spent: Spending, limits: SpendingLimits): boolean {
  return (
    spent.calls < (limits.calls ?? Infinity) && spent.costMicros < (limits.costMicros ?? Infinity)
  );
}
