import type {
  GuardedInvalidationLog,
  InvalidationLog,
} from "../classification/ports/invalidations.ts";
import type { GuardedStore, ResultStore } from "../classification/ports/result-store.ts";
import { type BreakerOptions, createGuard, type Guard } from "./guard.ts";

export interface GuardOptions extends BreakerOptions {
  /** Deadline of what a request waits for. */
  readTimeoutMs?: number;
  /** Deadline of a write. What came too late may have been written all the same. */
  writeTimeoutMs?: number;
}

/** Deadline of what no request waits for: loading the hottest results, purging. */
const MAINTENANCE_TIMEOUT_MS = 10_000;

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
  purgePhoto: "maintenance",
};

/** Each method with its deadline. Default: a guard of its own. */
export function guardStore(
  store: ResultStore,
  options: GuardOptions = {},
  guard: Guard = createGuard(options),
): GuardedStore {
  const timeoutMs = {
    read: options.readTimeoutMs ?? 500,
    write: options.writeTimeoutMs ?? 2_000,
    maintenance: MAINTENANCE_TIMEOUT_MS,
  };

  /** The compiler cannot follow one method's arguments and result through an indexed call. */
  const guarded = (method: Method) => {
    const limit = timeoutMs[DEADLINES[method]];
    return (...args: unknown[]) => {
      const call = store[method] as (...args: unknown[]) => Promise<unknown>;
      return guard.run(limit, () => call(...args));
    };
  };
  const methods = Object.keys(DEADLINES).map((method) => [method, guarded(method as Method)]);
  const { isAvailable } = guard;
  return { ...(Object.fromEntries(methods) as Omit<GuardedStore, "isAvailable">), isAvailable };
}

export function guardInvalidations(
  log: InvalidationLog,
  guard: Guard,
  timeoutMs: number,
): GuardedInvalidationLog {
  return {
    announce: (invalidations) => guard.run(timeoutMs, () => log.announce(invalidations)),
    read: (afterId, limit) => guard.run(timeoutMs, () => log.read(afterId, limit)),
    lastId: (announcedBefore) => guard.run(timeoutMs, () => log.lastId(announcedBefore)),
    trim: (before, limit) => guard.run(timeoutMs, () => log.trim(before, limit)),
  };
}
