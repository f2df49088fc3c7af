import { timeout, TimeoutStrategy } from "cockatiel";
import type OpenAI from "openai";
import type { CallBudget, CallSpending } from "../classification/spending.ts";
import type { Profile } from "../classification/profile.ts";
import type { Circuit } from "./circuit.ts";
import { type AttemptFailure, createFailure, toFailure } from "./failure.ts";
import type { LatencyWindow } from "./latency-window.ts";
import { parseReply, parseUsage, type ReplyOutcome, type TokenUsage } from "./parse-reply.ts";
import type { Pricing } from "./pricing.ts";
import type { BuildRequest } from "./request.ts";

export interface SendOptions {
  client: OpenAI;
  circuit: Circuit;
  budget: CallBudget;
  pricing: Pricing;
  latencies: LatencyWindow;
  buildRequest: BuildRequest;
  apiKey: string | null;
  /** For one attempt. */
  timeoutMs: number;
  clock: () => number;
}

export interface Question {
  jpeg: Uint8Array;
  profile: Profile;
  /** Milliseconds since the epoch. */
  deadlineAt: number;
  /** Aborts when the answer is no longer wanted; null: nobody else is asked. */
  cancel: AbortSignal | null;
}

/** What came of an attempt, with what it took as far as the provider says. */
export type AttemptOutcome = ReplyOutcome & {
  usage: TokenUsage | null;
  /** Of an answer, in millionths of the money unit. */
  costMicros: number;
};

/** Makes one attempt, if the circuit and the budget allow it. */
export type Send = (question: Question, signal: AbortSignal) => Promise<AttemptOutcome>;

/** A timeout speaks against the service only if it had half the usual time, or this long. */
const FAIR_CHANCE_MS = 5_000;

/** One attempt: budget around circuit breaker around timeout. Whatever was reserved is settled once. */
export function createSend(options: SendOptions): Send {
  const { client, circuit, budget, pricing, timeoutMs, clock } = options;
  const attemptTimeout = timeout(timeoutMs, TimeoutStrategy.Aggressive);

  async function exchange(question: Question, signal: AbortSignal): Promise<AttemptOutcome> {
    const startedAt = clock();
    try {
      const request = options.buildRequest(question.jpeg, question.profile);
      const completion = await attemptTimeout.execute(
        ({ signal }) => client.chat.completions.create(request, { signal }),
        signal,
      );
      options.latencies.record(clock() - startedAt);
      const usage = parseUsage(completion);
      return {
        ...parseReply(completion, question.profile),
        usage,
        costMicros: pricing.costOf(usage),
      };
    } catch (error) {
      const failure = toFailure(error, { now: clock(), apiKey: options.apiKey });
      if (failure.reason === "timeout") {
        // It would have taken at least so long: without these the slowest calls would not count.
        options.latencies.record(clock() - startedAt);
        failure.breaks &&= speaksAgainstProvider(question, startedAt);
      }
      return noAnswer(failure);
    }
  }

  function speaksAgainstProvider(question: Question, startedAt: number): boolean {
    // The trial of a half-open circuit must show an answer; elsewhere losing a race is no failure.
    if (circuit.status.circuit !== "closed") return true;
    if (question.cancel?.aborted) return false;
    const givenMs = Math.min(timeoutMs, question.deadlineAt - startedAt);
    return givenMs >= Math.min(timeoutMs / 2, FAIR_CHANCE_MS);
  }

  function spendingOf(outcome: AttemptOutcome): CallSpending {
    if (outcome.ok || outcome.usage) return { sent: true, costMicros: outcome.costMicros };
    const { charge } = outcome.failure;
    return {
      sent: charge !== "unsent",
      costMicros: charge === "likely" ? pricing.estimateMicros : 0,
    };
  }

  return async function send(question, signal) {
    const reservation = await budget.reserve(pricing.estimateMicros);
    if (!reservation)
      return noAnswer(createFailure("over_budget", "the daily budget allows no call"));
    let spent: CallSpending = { sent: false, costMicros: 0 };
    try {
      if (signal.aborted) return noAnswer(createFailure("timeout", "no time left for a call"));
      // Others may have opened it, or be its trial, while the budget was asked.
      if (!circuit.admits())
        return noAnswer(createFailure("circuit_open", circuit.status.detail ?? ""));
      spent = { sent: true, costMicros: pricing.estimateMicros };
      const outcome = await circuit.execute(() => exchange(question, signal));
      spent = spendingOf(outcome);
      return outcome;
    } finally {
      reservation.settle(spent);
    }
  };
}

export function noAnswer(failure: AttemptFailure): AttemptOutcome {
  return { ok: false, failure, usage: null, costMicros: 0 };
}
