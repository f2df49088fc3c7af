/** Money is counted in whole millionths of its unit, so that sums are exact. */
export const MICROS = 1_000_000;

export function toMicros(amount: number): number {
  return Math.round(amount * MICROS);
}

/** What language-model calls came to: how many, and their cost in millionths of the money unit. */
export interface Spending {
  calls: number;
  costMicros: number;
}

/** What a day may come to; null: no limit. */
export type SpendingLimits = { [Kind in keyof Spending]: number | null };

/**
 * What was spent per day, over all processes that share the database. Days are dates (`2026-11-20`).
 * Each method is one whole operation and rejects when the database cannot answer.
 */
export interface SpendingLedger {
  /** Counts one call of this cost, unless the day would come to more than its limits; resolves to whether it did. */
  reserve(day: string, costMicros: number, limits: SpendingLimits): Promise<boolean>;
  /** Adds to a day that something was reserved on; negative numbers give back. */
  adjust(day: string, change: Spending): Promise<void>;
  /** Of a day on which nothing was spent: zeros. */
  read(day: string): Promise<Spending>;
}

/**
 * What may be spent on language models. Asked before every attempt that would reach a provider, retries
 * and hedges included, for each may be billed.
 */
export interface CallBudget {
  /** Resolves to null when today's budget does not allow the call; never rejects. */
  reserve(estimateMicros: number): Promise<BudgetReservation | null>;
}

/** A call that was allowed; to be settled exactly once. */
export interface BudgetReservation {
  settle(spent: CallSpending): void;
}

export interface CallSpending {
  /** False when the call provably never reached the provider: it is given back whole. */
  sent: boolean;
  /** In millionths of the money unit, a whole number. */
  costMicros: number;
}

/** The budget of those who set none. */
export const NO_LIMITS: CallBudget = {
  reserve: () => Promise.resolve({ settle() {} }),
};
