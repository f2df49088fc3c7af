import {
  type BulkheadPolicy,
  DelegateBackoff,
  handleWhenResult,
  isBulkheadRejectedError,
  retry,
} from "cockatiel";
import type { Circuit } from "./circuit.ts";
import { type AttemptFailure, createFailure } from "./failure.ts";
import type { Pacer } from "./pacer.ts";
import { planRetry } from "./retry-plan.ts";
import { type AttemptOutcome, noAnswer, type Question, type Send } from "./send.ts";

export interface AttemptsOptions {
  circuit: Circuit;
  pacer: Pacer;
  slots: BulkheadPolicy;
  send: Send;
  /** Attempts after the first. */
  maxRetries: number;
  /** Longest wait before the first retry, in milliseconds. */
  backoffBaseMs: number;
  clock: () => number;
  random: () => number;
}

/** Asks until there is an answer, nothing more to hope for, or no time; ends early on abort. */
export type Ask = (question: Question, signal: AbortSignal) => Promise<AttemptOutcome>;

/** An outcome with what the retry policy goes by; null: no further attempt. */
interface Attempt {
  outcome: AttemptOutcome;
  retryInMs: number | null;
}

const MINUTE_USED_UP = createFailure("overloaded", "the minute's requests are used up");
const ASKED_TO_WAIT = createFailure("rate_limited", "the provider asked to be left alone");

interface Call extends Question {
  failedCount: number;
  malformedCount: number;
  lastFailure: AttemptFailure | null;
}

/**
 * Retries around the provider's pace around its slots around `send`. Nothing waits for a turn or a
 * retry while it holds a slot. A timed-out attempt is not repeated: the provider may have done, and
 * billed, the work.
 */
export function createAsk(options: AttemptsOptions): Ask {
  const { circuit, pacer, slots, clock } = options;
  const retries = createRetries(options.maxRetries);

  async function attempt(call: Call, signal: AbortSignal): Promise<Attempt> {
    // cockatiel's backoff does not end early on abort.
    if (signal.aborted)
      return turnAway(call, createFailure("timeout", "no answer by the deadline"));
    if (!circuit.admits())
      return turnAway(call, createFailure("circuit_open", circuit.status.detail ?? ""));
    const waitMs = pacer.take(call.deadlineAt);
    if (waitMs === null) return turnAway(call, pacer.isPaused() ? ASKED_TO_WAIT : MINUTE_USED_UP);
    if (waitMs > 0) await Bun.sleep(waitMs);
    try {
      const outcome = await slots.execute(({ signal }) => sendUnlessPaused(call, signal), signal);
      if (outcome === null) return attempt(call, signal);
      if (outcome.ok) return { outcome, retryInMs: null };
      if (outcome.failure.reason === "circuit_open") return turnAway(call, outcome.failure);
      return { outcome, retryInMs: recordFailure(call, outcome.failure) };
    } catch (error) {
      if (!isBulkheadRejectedError(error)) throw error;
      return turnAway(call, createFailure("overloaded", "too many calls are waiting"));
    }
  }

  /** In a slot. null: while the call waited for it, the provider asked to be left alone. */
  async function sendUnlessPaused(call: Call, signal: AbortSignal): Promise<AttemptOutcome | null> {
    if (pacer.isPaused()) return null;
    const outcome = await options.send(call, signal);
    // What one call is told holds for all; said before the slot is free for the next.
    if (!outcome.ok && outcome.failure.retryAfterMs !== null)
      pacer.pause(outcome.failure.retryAfterMs);
    return outcome;
  }

  function recordFailure(call: Call, failure: AttemptFailure): number | null {
    call.lastFailure = failure;
    call.failedCount++;
    if (failure.reason === "malformed_output") call.malformedCount++;
    return planRetry(
      {
        failure,
        count: call.failedCount,
        malformedCount: call.malformedCount,
        remainingMs: call.deadlineAt - clock(),
      },
      { baseMs: options.backoffBaseMs, random: options.random },
    );
  }

  return async function ask(question, signal) {
    const call = { ...question, failedCount: 0, malformedCount: 0, lastFailure: null };
    const { outcome } = await retries.execute(({ signal }) => attempt(call, signal), signal);
    return outcome;
  };
}

function createRetries(maxAttempts: number) {
  return retry(handleWhenResult(isToBeRetried), {
    maxAttempts,
    backoff: new DelegateBackoff(({ result }) =>
      "value" in result ? (result.value as Attempt).retryInMs! : 0,
    ),
  }).dangerouslyUnref();
}

function isToBeRetried(attempt: unknown): boolean {
  return (attempt as Attempt).retryInMs !== null;
}

/** No attempt was made. What an earlier one met says more than why. */
function turnAway(call: Call, failure: AttemptFailure): Attempt {
  return { outcome: noAnswer(call.lastFailure ?? failure), retryInMs: null };
}
