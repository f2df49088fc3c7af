import type { Logger } from "pino";
import {
  type GuardedInvalidationLog,
  INVALIDATIONS_KEPT_MS,
} from "./classification/ports/invalidations.ts";
import type { DatabaseLeaseLedger, Leases } from "./classification/ports/leases.ts";
import type { Outcome } from "./classification/ports/outcome.ts";
import type { GuardedStore } from "./classification/ports/result-store.ts";
import type { Config } from "./config.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { type DeleteBatch, deleteExpired } from "./schedules/delete-expired.ts";
import { startSchedule } from "./schedules/start-schedule.ts";

const DAY_MS = 86_400_000;
const EVERY_MINUTE = "* * * * *";
/** How far clocks of instances may be apart before two of them do the work of one minute. */
const KEEP_MS = 30_000;
/** For one turn; what is left waits for the next. */
const LONGEST_TURN_MS = 30_000;
const ROWS_PER_BATCH = 1_000;
const PAUSE_MS = 20;

export interface ScheduleDeps {
  leases: Leases;
  ledger: DatabaseLeaseLedger;
  invalidations: GuardedInvalidationLog;
  store: GuardedStore;
  lifecycle: Lifecycle;
  log: Logger;
  clock: () => number;
}

/** Starts the work that one instance does for all that share a database; its end is pushed on the lifecycle. */
export function startSchedules({ LOG_RETENTION_DAYS }: Config, deps: ScheduleDeps): void {
  const { leases, ledger, store, invalidations, lifecycle, log, clock } = deps;

  const purge: DeleteBatch = async (limit) => {
    const now = clock();
    const requestsBefore = now - LOG_RETENTION_DAYS * DAY_MS;
    return { ...valueOf(await store.purge({ now, requestsBefore, limit })) };
  };
  const trimLog: DeleteBatch = async (limit) => {
    const before = clock() - INVALIDATIONS_KEPT_MS;
    return { invalidations: valueOf(await invalidations.trim(before, limit)) };
  };
  const sweepLeases: DeleteBatch = async (limit) => ({ leases: await ledger.sweep(limit) });

  const { stop } = startSchedule({
    name: "purge",
    cron: EVERY_MINUTE,
    keepMs: KEEP_MS,
    leases,
    async run(signal) {
      const deleted = await deleteExpired({
        batches: [purge, trimLog, sweepLeases],
        limit: ROWS_PER_BATCH,
        pause: () => Bun.sleep(PAUSE_MS),
        signal: AbortSignal.any([signal, AbortSignal.timeout(LONGEST_TURN_MS)]),
      });
      const isIdle = Object.values(deleted).every((count) => count === 0);
      log[isIdle ? "debug" : "info"]({ deleted }, "deleted what had expired");
    },
    onTurn: (schedule, isOwn) => log.debug({ schedule, isOwn }, "scheduled work"),
    onError: (schedule, err) => log.error({ err, schedule }, "scheduled work failed"),
  });
  lifecycle.onClose("schedules", stop);
}

function valueOf<Value>(outcome: Outcome<Value, "unavailable">): Value {
  if (outcome.ok) return outcome.value;
  throw new Error(outcome.detail);
}
