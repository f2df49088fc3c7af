import type { Logger } from "pino";
import { createCalendar } from "./budget/calendar.ts";
import { createDailyBudget, type DailyBudget } from "./budget/daily-budget.ts";
import type { GuardedStore } from "./classification/ports/result-store.ts";
import { toMicros, type SpendingLedger } from "./classification/spending.ts";
import type { Config } from "./config.ts";
import type { Lifecycle } from "./lifecycle.ts";

interface Surroundings {
  spending: SpendingLedger;
  store: Pick<GuardedStore, "isAvailable">;
  lifecycle: Lifecycle;
  log: Logger;
  clock: () => number;
}

/** The daily budget that is configured; null when none is. */
export function openConfiguredBudget(
  { LLM_DAILY_BUDGET, LLM_DAILY_CALLS, BUDGET_TIME_ZONE }: Config,
  { spending, store, lifecycle, log, clock }: Surroundings,
): DailyBudget | null {
  const limits = {
    calls: LLM_DAILY_CALLS || null,
    // Less than a millionth is still a limit.
    costMicros: LLM_DAILY_BUDGET > 0 ? Math.max(1, toMicros(LLM_DAILY_BUDGET)) : null,
  };
  if (limits.calls === null && limits.costMicros === null) return null;
  const budget = createDailyBudget({
    ledger: spending,
    isLedgerAvailable: () => store.isAvailable(),
    limits,
    dayOf: createCalendar(BUDGET_TIME_ZONE),
    onError: (err) => log.warn({ err }, "the daily budget cannot be read or written"),
    clock,
  });
  lifecycle.onClose("daily budget", () => budget.refresh());
  return budget;
}
