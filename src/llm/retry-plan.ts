import type { AttemptFailure } from "./failure.ts";

export interface RetryPlanOptions {
  /** Longest wait before the first retry, in milliseconds; doubles with each further one. */
  baseMs: number;
  /** 0..1 */
  random: () => number;
}

export interface FailedAttempts {
  failure: AttemptFailure;
  /** Attempts that failed so far, this one included. */
  count: number;
  /** How many of them ended in `malformed_output`, this one included. */
  malformedCount: number;
  /** Until the caller's deadline, in milliseconds. */
  remainingMs: number;
}

const MAX_BACKOFF_MS = 4_000;
/** A model that answers nonsense twice will do so a third time, and each time costs money. */
const MAX_MALFORMED = 1;

/**
 * How long to wait before the next attempt, in milliseconds; null when there should be none.
 * Exponential backoff with jitter (half fixed, half random), or the provider's Retry-After with a
 * little jitter on top, so that callers who were turned away together don't return together.
 */
export function planRetry(attempts: FailedAttempts, options: RetryPlanOptions): number | null {
  const { failure, count, malformedCount, remainingMs } = attempts;
  if (!failure.isTransient) return null;
  if (failure.reason === "malformed_output" && malformedCount > MAX_MALFORMED) return null;
  const ceilingMs = Math.min(options.baseMs * 2 ** (count - 1), MAX_BACKOFF_MS);
  const jitterMs = (ceilingMs / 2) * options.random();
  const delayMs = (failure.retryAfterMs ?? ceilingMs / 2) + jitterMs;
  return delayMs < remainingMs ? delayMs : null;
}
