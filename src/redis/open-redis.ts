import { CircuitState, circuitBreaker, ConsecutiveBreaker, handleWhen } from "cockatiel";
import type { Outcome } from "../classification/ports/outcome.ts";
import { withDeadline } from "../with-deadline.ts";
import { openTransport, type RedisAddress, type RedisCommands } from "./open-transport.ts";

export interface RedisOptions {
  address: RedisAddress;
  /** Deadline of one call, in milliseconds. */
  timeoutMs: number;
  /** Told when Redis stops answering, and what the last call met, and when it answers again. */
  onStateChange: (isAvailable: boolean, detail: string) => void;
  /** Told now and then, and why, while a Redis that answers refuses commands. */
  onRefusal?: (detail: string) => void;
}

/** A Redis that neither fails nor holds up a caller: while it does not answer, calls return at once. */
export interface GuardedRedis {
  /** Runs commands under one deadline. What `work` does after it is lost on the caller, not undone. */
  call<Value>(
    work: (redis: RedisCommands) => Promise<Value>,
  ): Promise<Outcome<Value, "unavailable">>;
  isAvailable(): boolean;
  close(): Promise<void>;
}

/** Failures in a row after which Redis is left alone. */
const FAILURE_THRESHOLD = 3;
/** How long it is left alone before it is tried again. */
const PROBE_INTERVAL_MS = 1_000;
/** How often it is told at most that commands are refused. */
const REFUSAL_PAUSE_MS = 60_000;
/** Calls under way, at most; what a full house adds could only wait. */
const MAX_CALLS = 10_000;

/**
 * Opens a client; resolves when Redis has answered or is known not to, which stops no start. While it is
 * down a probe looks for it, so that no caller waits for the trial and none is needed for it.
 */
export async function openRedis(options: RedisOptions): Promise<GuardedRedis> {
  const { address, timeoutMs } = options;
  const { redis, reset, close } = openTransport(address, timeoutMs);
  const breaker = circuitBreaker(handleWhen(isOutage), {
    breaker: new ConsecutiveBreaker(FAILURE_THRESHOLD),
    // While it is open, only the probe asks, and that has waited already.
    halfOpenAfter: 0,
  });
  const isAvailable = () => breaker.state === CircuitState.Closed;
  const deadline = { timeoutMs, who: "Redis", giveUp: reset };
  let callsUnderWay = 0;
  let wasAvailable = true;
  let isClosed = false;
  let refusalToldAt = -Infinity;
  let probeTimer: ReturnType<typeof setTimeout> | undefined;
  let probing: Promise<unknown> = Promise.resolve();

  breaker.onBreak((cause) => {
    if (isClosed) return;
    if (wasAvailable) options.onStateChange(false, "error" in cause ? describe(cause.error) : "");
    wasAvailable = false;
    probeTimer = setTimeout(() => (probing = attempt(ping)), PROBE_INTERVAL_MS);
  });
  breaker.onReset(() => {
    wasAvailable = true;
    options.onStateChange(true, "");
  });

  function noteRefusal(error: unknown): void {
    if (performance.now() - refusalToldAt < REFUSAL_PAUSE_MS) return;
    refusalToldAt = performance.now();
    options.onRefusal?.(describe(error));
  }

  async function attempt<Value>(
    work: (redis: RedisCommands) => Promise<Value>,
  ): Promise<Outcome<Value, "unavailable">> {
    callsUnderWay++;
    try {
      const value = await breaker.execute(() => withDeadline(work(redis), deadline));
      return { ok: true, value };
    } catch (error) {
      if (!isOutage(error)) noteRefusal(error);
      return { ok: false, reason: "unavailable", detail: describe(error) };
    } finally {
      callsUnderWay--;
    }
  }

  for (let tries = 0; tries < FAILURE_THRESHOLD; tries++) {
    if ((await attempt(ping)).ok) break;
  }

  return {
    async call(work) {
      if (!isAvailable()) return DOWN;
      return callsUnderWay < MAX_CALLS ? attempt(work) : BUSY;
    },
    isAvailable,
    async close() {
      isClosed = true;
      clearTimeout(probeTimer);
      close();
      await probing;
    },
  };
}

const DOWN = { ok: false, reason: "unavailable", detail: "Redis failed repeatedly" } as const;

const BUSY = { ok: false, reason: "unavailable", detail: "too many calls wait for Redis" } as const;

const ping = (redis: RedisCommands) => redis.ping();

/**
 * An error reply to one command, from a Redis that answers others: one that is full, copies another one,
 * cannot save to its disk or lacks its replicas refuses writes alone.
 */
const COMMAND_ERROR = /\b(WRONGTYPE|NOSCRIPT|OOM|READONLY|MISCONF|NOREPLICAS|NOPERM)\b/;
/** Of an error's text: what is no Redis may answer with a whole page. */
const MAX_DETAIL_CHARACTERS = 300;

function isOutage(error: unknown): boolean {
  return !COMMAND_ERROR.test(describe(error));
}

/** Without the command, which the REST client adds: it may be long, and what it writes is nobody's business. */
function describe(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const text = message.replace(/, command was: [^]*/, "");
  return text.length > MAX_DETAIL_CHARACTERS ? `${text.slice(0, MAX_DETAIL_CHARACTERS)}…` : text;
}
