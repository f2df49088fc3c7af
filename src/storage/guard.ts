import {
  BrokenCircuitError,
  CircuitState,
  circuitBreaker,
  ConsecutiveBreaker,
  handleWhen,
} from "cockatiel";
import type { Outcome } from "../classification/ports/outcome.ts";
import { withDeadline } from "../with-deadline.ts";
import { isOutage, rootCause } from "./database-error.ts";

export interface BreakerOptions {
  /** Failures in a row after which calls return at once. */
  failureThreshold?: number;
  /** How long calls return at once before one is let through to try. */
  halfOpenAfterMs?: number;
  /** Told when the database becomes unavailable, and what the last call met, and when it is back. */
  onStateChange?: (isAvailable: boolean, detail: string) => void;
}

/** Turns a database's rejections and silences into values, and leaves one that is down alone. */
export interface Guard {
  run<Value>(timeoutMs: number, call: () => Promise<Value>): Promise<Outcome<Value, "unavailable">>;
  isAvailable(): boolean;
}

/** One for all that is asked of a database: whoever finds it down, finds it for all. */
export function createGuard(options: BreakerOptions = {}): Guard {
  const breaker = circuitBreaker(handleWhen(isOutage), {
    breaker: new ConsecutiveBreaker(options.failureThreshold ?? 5),
    halfOpenAfter: options.halfOpenAfterMs ?? 1_000,
  });
  const isAvailable = () => breaker.state === CircuitState.Closed;
  let wasAvailable = true;
  breaker.onBreak((cause) => {
    if (wasAvailable) options.onStateChange?.(false, "error" in cause ? describe(cause.error) : "");
    wasAvailable = false;
  });
  breaker.onReset(() => {
    wasAvailable = true;
    options.onStateChange?.(true, "");
  });

  return {
    async run(timeoutMs, call) {
      const deadline = { timeoutMs, who: "the database" };
      try {
        const value = await breaker.execute(() => withDeadline(call(), deadline));
        return { ok: true, value };
      } catch (error) {
        return { ok: false, reason: "unavailable", detail: describe(error) };
      }
    },
    isAvailable,
  };
}

function describe(error: unknown): string {
  if (error instanceof BrokenCircuitError) return "the database failed repeatedly";
  const cause = rootCause(error);
  return cause instanceof Error ? cause.message : String(cause);
}
