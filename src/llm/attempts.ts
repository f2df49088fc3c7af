import { DelegateBackoff, handleWhenResult, retry, timeout, TimeoutStrategy } from "cockatiel";
import type OpenAI from "openai";
import type { Profile } from "../classification/profile.ts";
import type { Circuit } from "./circuit.ts";
import { type AttemptFailure, createFailure, toFailure } from "./failure.ts";
import { parseReply, parseUsage, type ReplyOutcome, type TokenUsage } from "./parse-reply.ts";
import type { BuildRequest } from "./request.ts";
import { planRetry } from "./retry-plan.ts";

export interface AttemptsOptions {
  client: OpenAI;
  circuit: Circuit;
  buildRequest: BuildRequest;
  apiKey: string | null;
  /** For one attempt. */
  timeoutMs: number;
  /** Attempts after the first. */
  maxRetries: number;
  /** Longest wait before the first retry, in milliseconds. */
  backoffBaseMs: number;
  clock: () => number;
  random: () => number;
}

export interface Question {
  jpeg: Uint8Array;
  profile: Profile;
  /** Milliseconds since the epoch. */
  deadlineAt: number;
}

/** What an attempt came to, with what it took as far as the provider says. */
export type AttemptOutcome = ReplyOutcome & { usage: TokenUsage | null };

/** Asks until there is an answer, nothing more to hope for, or no time; ends early on abort. */
export type Ask = (question: Question, signal: AbortSignal) => Promise<AttemptOutcome>;

/** An outcome with what the retry policy goes by; null: no further attempt. */
interface Attempt {
  outcome: AttemptOutcome;
  retryInMs: number | null;
}

interface Call extends Question {
  request: OpenAI.Chat.ChatCompletionCreateParamsNonStreaming;
  failedCount: number;
  malformedCount: number;
  lastFailure: AttemptFailure | null;
}

/** A timeout speaks against the service only if it had half the usual time, or this long. */
const FAIR_CHANCE_MS = 5_000;

/**
 * Retries around the circuit breaker around the timeout of one attempt. A timed-out attempt is not
 * repeated: the provider may have done, and billed, the work.
 */
export function createAsk(options: AttemptsOptions): Ask {
  const { client, circuit, timeoutMs, clock } = options;
  const attemptTimeout = timeout(timeoutMs, TimeoutStrategy.Aggressive);
  const retries = createRetries(options.maxRetries);

  async function attempt(call: Call, signal: AbortSignal): Promise<Attempt> {
    // cockatiel's backoff does not end early on abort.
    if (signal.aborted) return giveUp(call, createFailure("timeout", "no answer by the deadline"));
    if (!circuit.admits())
      return giveUp(call, createFailure("circuit_open", circuit.status.reason ?? ""));
    const outcome = await circuit.execute(() => send(call, signal));
    return { outcome, retryInMs: outcome.ok ? null : recordFailure(call, outcome.failure) };
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

  async function send(call: Call, signal: AbortSignal): Promise<AttemptOutcome> {
    const givenMs = Math.min(timeoutMs, call.deadlineAt - clock());
    try {
      const completion = await attemptTimeout.execute(
        ({ signal }) => client.chat.completions.create(call.request, { signal }),
        signal,
      );
      return { ...parseReply(completion, call.profile), usage: parseUsage(completion) };
    } catch (error) {
      const failure = toFailure(error, { now: clock(), apiKey: options.apiKey });
      if (failure.reason === "timeout")
        failure.breaks &&= givenMs >= Math.min(timeoutMs / 2, FAIR_CHANCE_MS);
      return { ok: false, failure, usage: null };
    }
  }

  return async function ask(question, signal) {
    const request = options.buildRequest(question.jpeg, question.profile);
    const call = { ...question, request, failedCount: 0, malformedCount: 0, lastFailure: null };
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

/** What an earlier attempt met says more than why there is no further one. */
function giveUp(call: Call, failure: AttemptFailure): Attempt {
  return {
    outcome: { ok: false, failure: call.lastFailure ?? failure, usage: null },
    retryInMs: null,
  };
}
