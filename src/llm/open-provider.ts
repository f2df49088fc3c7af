import { bulkhead, isTaskCancelledError, timeout, TimeoutStrategy } from "cockatiel";
import type {
  LanguageModel,
  LanguageModelAnswer,
  LanguageModelFailure,
} from "../classification/ports/language-model.ts";
import type { Outcome } from "../classification/ports/outcome.ts";
import type { PreparedPicture } from "../classification/ports/picture-reader.ts";
import { type CallBudget, NO_LIMITS } from "../classification/spending.ts";
import type { Profile } from "../classification/profile.ts";
import { createAsk } from "./attempts.ts";
import { createBoundedFetch, type Fetch } from "./bounded-fetch.ts";
import { Circuit, type CircuitStatus } from "./circuit.ts";
import { createClient, MAX_TIMER_MS } from "./client.ts";
import { LatencyWindow } from "./latency-window.ts";
import { Pacer } from "./pacer.ts";
import { createPricing } from "./pricing.ts";
import { createProbe } from "./probe.ts";
import type { ProviderSettings } from "./provider-settings.ts";
import { createRequestBuilder } from "./request.ts";
import { type AttemptOutcome, createSend } from "./send.ts";

export type { CircuitStatus } from "./circuit.ts";

export interface ProviderOptions extends ProviderSettings {
  /** Cost of a call in millionths of the money unit, where prices or token counts are missing. */
  costPerCallMicros: number;
  /** Default: no limits. */
  budget?: CallBudget;
  fetch?: Fetch;
  onStateChange?: (status: CircuitStatus) => void;
  /** Milliseconds since the epoch. */
  clock?: () => number;
  /** 0..1, for jitter. */
  random?: () => number;
  /** Default 10 s. */
  probeIntervalMs?: number;
  /** Calls before the circuit can open, and failures in a row that open it; default 10. */
  breakerMinCalls?: number;
  /** Longest wait before the first retry, in milliseconds; default 250. */
  backoffBaseMs?: number;
}

export type ModelOutcome = Outcome<LanguageModelAnswer, LanguageModelFailure>;

/** One language model of one vendor. */
export interface Provider extends LanguageModel {
  readonly name: string;
  readonly model: string;
  /** Largest side of the pictures it is shown, in pixels. */
  readonly maxSide: number;
  /** `cancel`: aborts when the answer is no longer wanted. */
  classify(
    picture: PreparedPicture,
    profile: Profile,
    deadlineAt: number,
    cancel?: AbortSignal,
  ): Promise<ModelOutcome>;
  state(): CircuitStatus;
  /** The 95th percentile of its latencies in milliseconds; null while too few calls were made. */
  p95(): number | null;
  /** Ends calls under way (as `unreachable`) and stops probing. */
  close(): Promise<void>;
}

/** An answer is about 200 bytes, with a vendor's extras some kilobytes. */
const MAX_REPLY_BYTES = 256 * 1024;
const MAX_PROBE_MS = 5_000;

/**
 * Opens a language model behind an OpenAI-compatible API. `classify` settles by its deadline, which
 * holds over retries, turns and slots; see docs/llm.md for what is retried.
 */
export function openProvider(options: ProviderOptions): Provider {
  const { clock = Date.now } = options;
  const closing = new AbortController();
  const { circuit, pacer, slots, latencies, ask } = connect(options);

  const classify: Provider["classify"] = async (picture, profile, deadlineAt, cancel) => {
    if (closing.signal.aborted) return fail("unreachable", "closed");
    const remainingMs = Math.min(deadlineAt - clock(), MAX_TIMER_MS);
    if (!(remainingMs > 0)) return fail("timeout", "no time left for a call");
    if (!circuit.admits()) return fail("circuit_open", circuit.status.detail ?? "");

    const question = { jpeg: picture.jpeg, profile, deadlineAt, cancel: cancel ?? null };
    // Aggressive: a call that waits in the queue does not hear its signal.
    const deadline = timeout(remainingMs, TimeoutStrategy.Aggressive);
    const ending = cancel ? AbortSignal.any([closing.signal, cancel]) : closing.signal;
    try {
      const outcome = await deadline.execute(({ signal }) => ask(question, signal), ending);
      return toModelOutcome(outcome, options);
    } catch (error) {
      if (!isTaskCancelledError(error)) throw error;
      if (closing.signal.aborted) return fail("unreachable", "closed");
      return fail("timeout", cancel?.aborted ? "another was quicker" : "no answer by the deadline");
    }
  };

  const isAvailable = () => !closing.signal.aborted && circuit.status.circuit !== "open";
  return {
    name: options.name,
    model: options.model,
    maxSide: options.maxSide,
    classify,
    isAvailable,
    spareCapacity: () => (isAvailable() && pacer.isFree() ? slots.executionSlots : 0),
    state: () => circuit.status,
    p95: () => latencies.p95(),
    async close() {
      closing.abort();
      await circuit.close();
    },
  };
}

function connect(options: ProviderOptions) {
  const { timeoutMs, requestsPerMinute, clock = Date.now } = options;
  const plainFetch: Fetch = options.fetch ?? ((input, init) => fetch(input, init));
  const probeTimeoutMs = Math.min(timeoutMs, MAX_PROBE_MS);
  const circuit = new Circuit({
    minCalls: options.breakerMinCalls ?? 10,
    probe: createProbe({ ...options, fetch: plainFetch, timeoutMs: probeTimeoutMs }),
    probeIntervalMs: options.probeIntervalMs ?? 10_000,
    onStateChange: options.onStateChange ?? (() => {}),
    clock,
  });
  const pacer = new Pacer(requestsPerMinute, clock);
  const slots = bulkhead(options.concurrency, options.maxQueued);
  const latencies = new LatencyWindow();
  const send = createSend({
    ...options,
    client: createClient({ ...options, fetch: createBoundedFetch(plainFetch, MAX_REPLY_BYTES) }),
    circuit,
    budget: options.budget ?? NO_LIMITS,
    pricing: createPricing(options.prices, options.costPerCallMicros),
    latencies,
    buildRequest: createRequestBuilder(options),
    clock,
  });
  const ask = createAsk({
    ...options,
    circuit,
    pacer,
    slots,
    send,
    backoffBaseMs: options.backoffBaseMs ?? 250,
    clock,
    random: options.random ?? Math.random,
  });
  return { circuit, pacer, slots, latencies, ask };
}

function toModelOutcome(outcome: AttemptOutcome, { name, model }: ProviderOptions): ModelOutcome {
  if (!outcome.ok) return fail(outcome.failure.reason, outcome.failure.detail);
  const { value, usage, costMicros } = outcome;
  return { ok: true, value: { ...value, provider: name, model, usage, costMicros } };
}

function fail(reason: LanguageModelFailure, detail: string): ModelOutcome {
  return { ok: false, reason, detail };
}
