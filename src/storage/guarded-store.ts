import {
  BrokenCircuitError,
  CircuitState,
  circuitBreaker,
  ConsecutiveBreaker,
  handleWhen,
} from "cockatiel";
import type { GuardedStore, ResultStore } from "../classification/ports.ts";
import { isOutage, rootCause } from "./database-error.ts";
import { withDeadline } from "./with-deadline.ts";

export interface GuardOptions {
  /** Deadline of what a request waits for. */
  readTimeoutMs?: number;
  /** Deadline of a write. What came too late may have been written all the same. */
  writeTimeoutMs?: number;
  /** Deadline of what no request waits for: loading the hottest results, purging. */
  maintenanceTimeoutMs?: number;
  /** Failures in a row after which calls return at once. */
  failureThreshold?: number;
  /** How long calls return at once before one is let through to try. */
  halfOpenAfterMs?: number;
  /** Told when the store becomes unavailable and when it is back. */
  onStateChange?: (isAvailable: boolean) => void;
}

type Method = Exclude<keyof ResultStore, "close">;

const DEADLINES: Record<Method, "read" | "write" | "maintenance"> = {
  find: "read",
  findClaimed: "read",
  ping: "read",
  saveResults: "write",
  recordClaim: "write",
  addHits: "write",
  appendRequests: "write",
  findHottest: "maintenance",
  purge: "maintenance",
};

/** Turns a store's rejections and silences into values, and leaves a database that is down alone. */
export function guardStore(store: ResultStore, options: GuardOptions = {}): GuardedStore {
  const timeoutMs = {
    read: options.readTimeoutMs ?? 500,
    write: options.writeTimeoutMs ?? 2_000,
    maintenance: options.maintenanceTimeoutMs ?? 10_000,
  };
  const breaker = circuitBreaker(handleWhen(isOutage), {
    breaker: new ConsecutiveBreaker(options.failureThreshold ?? 5),
    halfOpenAfter: options.halfOpenAfterMs ?? 1_000,
  });
  const isAvailable = () => breaker.state === CircuitState.Closed;
  let wasAvailable = true;
  breaker.onStateChange(() => {
    if (isAvailable() === wasAvailable) return;
    wasAvailable = isAvailable();
    options.onStateChange?.(wasAvailable);
  });

  /** The compiler cannot follow one method's arguments and result through an indexed call. */
  const guard =
    (method: Method) =>
    async (...args: unknown[]) => {
      const call = store[method] as (...args: unknown[]) => Promise<unknown>;
      const limit = timeoutMs[DEADLINES[method]];
      try {
        const value = await breaker.execute(() => withDeadline(call(...args), limit));
        return { ok: true, value };
      } catch (error) {
        return { ok: false, reason: "unavailable", detail: describe(error) };
      }
    };
  const methods = Object.keys(DEADLINES).map((method) => [method, guard(method as Method)]);
  return { ...(Object.fromEntries(methods) as Omit<GuardedStore, "isAvailable">), isAvailable };
}

function describe(error: unknown): string {
  if (error instanceof BrokenCircuitError) return "the database failed repeatedly";
  const cause = rootCause(error);
  return cause instanceof Error ? cause.message : String(cause);
}
