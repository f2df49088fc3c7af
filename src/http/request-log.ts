import type { Caller } from "./caller.ts";
import type { LoggedOperation, RequestSummary } from "./exchange.ts";
import { NOTHING_SPENT } from "./spending.ts";

/** A line in which nothing was found, made or spent. */
const NOTHING_DONE = {
  imageCount: 1,
  cachedCount: 0,
  failedCount: 0,
  method: null,
  category: null,
  digest: null,
  ...NOTHING_SPENT,
} as const satisfies Partial<RequestSummary>;

/** An operation's line in the request log; `describe` says what differs from having done nothing. */
export function logged(
  operation: LoggedOperation["operation"],
  caller: Caller,
  describe: () => Partial<RequestSummary>,
): LoggedOperation {
  return {
    operation,
    describe: () => ({ ...NOTHING_DONE, userId: caller.userId, ip: caller.ip, ...describe() }),
  };
}
