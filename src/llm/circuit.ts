import {
  CircuitState as PolicyState,
  type CircuitBreakerPolicy,
  circuitBreaker,
  CountBreaker,
  handleWhenResult,
} from "cockatiel";
import type { LanguageModelFailure } from "../classification/ports/language-model.ts";
import type { AttemptFailure } from "./failure.ts";
import type { ReplyOutcome } from "./parse-reply.ts";
import type { Probe, ProbeResult } from "./probe.ts";

export interface CircuitStatus {
  circuit: "closed" | "open" | "half_open";
  /** What opened the circuit; null while it is closed. */
  reason: LanguageModelFailure | null;
  /** The same with the provider's own words, for the log. */
  detail: string | null;
  /** Milliseconds since the epoch. */
  since: number;
}

export interface CircuitOptions {
  /** Calls before which failures say nothing; as many in a row are enough. */
  minCalls: number;
  probe: Probe;
  probeIntervalMs: number;
  onStateChange: (status: CircuitStatus) => void;
  clock: () => number;
}

/** The circuit opens when more than half of the last calls failed. */
const FAILURE_RATIO = 0.5;
/** With 20, a provider that fails 30 % of its calls would be switched off every 300 calls by chance. */
const WINDOW_CALLS = 50;

/**
 * Some services never answer the probe well (no `/models` for this kind of key): after this long a
 * call may try anyway, so that no circuit stays open for good.
 */
const MAX_OPEN_MS = 300_000;

/** A failure that speaks against the service. */
interface BreakingFailure {
  cause: AttemptFailure;
  /** Calls under way that began before the one that failed, or before a younger one that had. */
  olderCalls: number;
}

/**
 * Opens when most of the last calls failed, or many in a row, and at once over a refused key: that is no
 * passing trouble. An error is back sooner than an answer, so of calls that began together the failures
 * are known first: those under way for longer than any that failed count as if they went well, until
 * they show.
 */
class FailureBreaker extends CountBreaker {
  readonly #minCalls: number;
  readonly #lastFailure: () => BreakingFailure | null;
  /** Since the last success. */
  #inARow = 0;

  constructor(minCalls: number, lastFailure: () => BreakingFailure | null) {
    const size = Math.max(WINDOW_CALLS, minCalls);
    super({ threshold: FAILURE_RATIO, size });
    this.#minCalls = minCalls;
    this.#lastFailure = lastFailure;
  }

  override success(state: PolicyState): void {
    super.success(state);
    this.#inARow = 0;
  }

  override failure(state: PolicyState): boolean {
    super.failure(state);
    this.#inARow++;
    const last = this.#lastFailure();
    if (state !== PolicyState.Closed || last?.cause.reason === "unauthorized") return true;
    const { successes, failures } = this.state as { successes: number; failures: number };
    const olderCalls = last?.olderCalls ?? 0;
    const areMost = (failed: number, calls: number) =>
      calls >= this.#minCalls && failed > FAILURE_RATIO * (calls + olderCalls);
    return areMost(failures, successes + failures) || areMost(this.#inARow, this.#inARow);
  }
}

/**
 * Circuit breaker whose way back is a probe of its own. Apps send no photos while the health endpoint
 * calls the model unavailable, so a breaker that waits for the next call would wait for ever: while
 * open, it probes; a good probe half-opens it, and the next call closes or reopens it.
 */
export class Circuit {
  readonly #options: CircuitOptions;
  readonly #policy: CircuitBreakerPolicy;
  readonly #closing = new AbortController();
  #status: CircuitStatus;
  #lastFailure: BreakingFailure | null = null;
  /** How often it opened. A call that began before the last time says nothing of what is now. */
  #openings = 0;
  /** By their numbers, in the order in which they began. */
  readonly #callsUnderWay = new Set<number>();
  #calls = 0;
  /** The number of the last call to begin among those that failed. */
  #youngestFailed = 0;
  /** Set by a good probe, cleared when the circuit opens: whether the next call may be the trial. */
  #mayTry = false;
  /** Set while a probe is due: at most one timer exists. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The probe under way, or the last one. */
  #probing: Promise<void> = Promise.resolve();

  constructor(options: CircuitOptions) {
    this.#options = options;
    this.#status = { circuit: "closed", reason: null, detail: null, since: options.clock() };
    // cockatiel half-opens after a time; here the probe decides, so the time is all or nothing.
    const waitMs = () => (this.#mayTry ? -Infinity : Infinity);
    const wait = {
      get duration() {
        return waitMs();
      },
      next: () => wait,
    };
    this.#policy = circuitBreaker(handleWhenResult(speaksAgainstService), {
      breaker: new FailureBreaker(options.minCalls, () => this.#lastFailure),
      halfOpenAfter: wait,
    });
    this.#policy.onBreak(() => this.#open());
    this.#policy.onReset(() => this.#move("closed", null));
  }

  get status(): CircuitStatus {
    return this.#status;
  }

  /** Whether a call made now would be sent: not while open, nor while another call is the trial. */
  admits(): boolean {
    const { state } = this.#policy;
    return state === PolicyState.Closed || (state === PolicyState.Open && this.#mayTry);
  }

  /** Runs an attempt and learns from its outcome. Only to be called where `admits()` is true. */
  execute<Reply extends ReplyOutcome>(attempt: () => Promise<Reply>): Promise<Reply> {
    return this.#policy.execute(async () => {
      const call = ++this.#calls;
      const openings = this.#openings;
      this.#callsUnderWay.add(call);
      try {
        const outcome = await attempt();
        if (!outcome.ok && openings !== this.#openings) outcome.failure.breaks = false;
        if (!outcome.ok && outcome.failure.breaks) this.#noteFailure(call, outcome.failure);
        return outcome;
      } finally {
        this.#callsUnderWay.delete(call);
      }
    });
  }

  /** Stops probing; resolves when no probe is under way. */
  async close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#timer);
    await this.#probing;
  }

  #noteFailure(call: number, cause: AttemptFailure): void {
    // Failures of one moment come back in any order, the last to begin perhaps first.
    this.#youngestFailed = Math.max(this.#youngestFailed, call);
    let olderCalls = 0;
    for (const other of this.#callsUnderWay) {
      if (other >= this.#youngestFailed) break;
      if (other !== call) olderCalls++;
    }
    this.#lastFailure = { cause, olderCalls };
  }

  #open(): void {
    this.#openings++;
    this.#mayTry = false;
    this.#move("open", this.#lastFailure?.cause ?? null);
    this.#scheduleProbe();
  }

  #move(circuit: CircuitStatus["circuit"], cause: AttemptFailure | null): void {
    const { reason = null, detail = null } = cause ?? {};
    this.#status = { circuit, reason, detail, since: this.#options.clock() };
    this.#options.onStateChange(this.#status);
  }

  #scheduleProbe(): void {
    if (this.#closing.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#probing = this.#probeOnce();
    }, this.#options.probeIntervalMs);
  }

  async #probeOnce(): Promise<void> {
    const result = await this.#options.probe(this.#closing.signal);
    if (this.#closing.signal.aborted) return;
    if (this.#isBack(result)) {
      this.#mayTry = true;
      this.#move("half_open", this.#lastFailure?.cause ?? null);
    } else {
      this.#scheduleProbe();
    }
  }

  #isBack(result: ProbeResult): boolean {
    if (result === "up" || this.#options.clock() - this.#status.since >= MAX_OPEN_MS) return true;
    // Where calls were not refused for their key, `/models` may just want another kind of key.
    return result === "unauthorized" && this.#lastFailure?.cause.reason !== "unauthorized";
  }
}

function speaksAgainstService(result: unknown): boolean {
  const outcome = result as ReplyOutcome;
  return !outcome.ok && outcome.failure.breaks;
}
