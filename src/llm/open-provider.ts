import {
  bulkhead,
  isBulkheadRejectedError,
  isTaskCancelledError,
  timeout,
  TimeoutStrategy,
} from "cockatiel";
import type {
  LanguageModel,
  LanguageModelAnswer,
  LanguageModelFailure,
  Outcome,
} from "../classification/ports.ts";
import { type AttemptOutcome, createAsk } from "./attempts.ts";
import { createBoundedFetch, type Fetch } from "./bounded-fetch.ts";
import { Circuit, type CircuitStatus } from "./circuit.ts";
import { createClient, MAX_TIMER_MS } from "./client.ts";
import { createProbe } from "./probe.ts";
import { createRequestBuilder, type StructuredOutput } from "./request.ts";

export type { CircuitStatus } from "./circuit.ts";
export type { StructuredOutput } from "./request.ts";

export interface LanguageModelOptions {
  /** Recorded with every answer, e.g. `openai`. */
  name: string;
  /** Address of an OpenAI-compatible API, e.g. `https://api.openai.com/v1`. */
  baseUrl: string;
  /** null: no Authorization header is sent (Ollama, vLLM on the own network). */
  apiKey: string | null;
  model: string;
  /** For one attempt; to be shorter than the callers' deadlines. */
  timeoutMs: number;
  /** Attempts after the first. */
  maxRetries: number;
  /** Calls under way at the same time; the rest queue. */
  concurrency: number;
  /** Calls that may wait; further ones fail as `overloaded`. Waiting counts against the deadline. */
  maxQueued: number;
  structuredOutput: StructuredOutput;
  /** What a call costs, in millionths of the money unit. */
  costPerCallMicros: number;
  fetch?: Fetch;
  onStateChange?: (status: CircuitStatus) => void;
  /** Milliseconds since the epoch. */
  clock?: () => number;
  /** 0..1, for jitter. */
  random?: () => number;
  /** Default 10 s. */
  probeIntervalMs?: number;
  /** Failures in a row that open the circuit; default 5. */
  failureThreshold?: number;
  /** Longest wait before the first retry, in milliseconds; default 250. */
  backoffBaseMs?: number;
}

export interface OpenLanguageModel extends LanguageModel {
  state(): CircuitStatus;
  /** Ends calls under way (as `unreachable`) and stops probing. */
  close(): Promise<void>;
}

type ModelOutcome = Outcome<LanguageModelAnswer, LanguageModelFailure>;

/** An answer is about 200 bytes, with a vendor's extras some kilobytes. */
const MAX_REPLY_BYTES = 256 * 1024;
const MAX_PROBE_MS = 5_000;

/**
 * Opens a language model behind an OpenAI-compatible API. `classify` settles by its deadline, which
 * holds over the queue, which holds over the attempts; see docs/llm.md for what is retried.
 */
export function openLanguageModel(options: LanguageModelOptions): OpenLanguageModel {
  const closing = new AbortController();
  const slots = bulkhead(options.concurrency, options.maxQueued);
  const { circuit, ask } = connect(options);

  const classify: LanguageModel["classify"] = async (picture, profile, deadlineAt) => {
    const { clock = Date.now } = options;
    if (closing.signal.aborted) return fail("unreachable", "closed");
    const remainingMs = Math.min(deadlineAt - clock(), MAX_TIMER_MS);
    if (!(remainingMs > 0)) return fail("timeout", "no time left for a call");
    if (!circuit.admits()) return fail("circuit_open", circuit.status.reason ?? "");

    const question = { jpeg: picture.jpeg, profile, deadlineAt };
    // Aggressive: a call that waits in the queue does not hear its signal.
    const deadline = timeout(remainingMs, TimeoutStrategy.Aggressive);
    try {
      const outcome = await deadline.execute(
        ({ signal }) => slots.execute(({ signal }) => ask(question, signal), signal),
        closing.signal,
      );
      return toModelOutcome(outcome, options);
    } catch (error) {
      if (isBulkheadRejectedError(error)) return fail("overloaded", "too many calls are waiting");
      if (!isTaskCancelledError(error)) throw error;
      if (closing.signal.aborted) return fail("unreachable", "closed");
      return fail("timeout", "no answer by the deadline");
    }
  };

  return {
    classify,
    isAvailable: () => !closing.signal.aborted && circuit.status.circuit !== "open",
    hasSpareCapacity: () => slots.executionSlots > 0,
    state: () => circuit.status,
    async close() {
      closing.abort();
      await circuit.close();
    },
  };
}

function connect(options: LanguageModelOptions) {
  const { timeoutMs, clock = Date.now } = options;
  const plainFetch: Fetch = options.fetch ?? ((input, init) => fetch(input, init));
  const probeTimeoutMs = Math.min(timeoutMs, MAX_PROBE_MS);
  const circuit = new Circuit({
    failureThreshold: options.failureThreshold ?? 5,
    probe: createProbe({ ...options, fetch: plainFetch, timeoutMs: probeTimeoutMs }),
    probeIntervalMs: options.probeIntervalMs ?? 10_000,
    onStateChange: options.onStateChange ?? (() => {}),
    clock,
  });
  const ask = createAsk({
    ...options,
    client: createClient({ ...options, fetch: createBoundedFetch(plainFetch, MAX_REPLY_BYTES) }),
    circuit,
    buildRequest: createRequestBuilder(options),
    backoffBaseMs: options.backoffBaseMs ?? 250,
    clock,
    random: options.random ?? Math.random,
  });
  return { circuit, ask };
}

function toModelOutcome(
  outcome: AttemptOutcome,
  { name, model, costPerCallMicros }: LanguageModelOptions,
): ModelOutcome {
  if (outcome.ok) {
    const { value, usage } = outcome;
    const costMicros = costPerCallMicros;
    return { ok: true, value: { ...value, provider: name, model, usage, costMicros } };
  }
  return fail(outcome.failure.reason, outcome.failure.detail);
}

function fail(reason: LanguageModelFailure, detail: string): ModelOutcome {
  return { ok: false, reason, detail };
}
