import { join } from "node:path";
import type { Logger } from "pino";
import type { DatabaseLeaseLedger } from "./classification/ports/leases.ts";
import type { GuardedInvalidationLog } from "./classification/ports/invalidations.ts";
import type { GuardedStore } from "./classification/ports/result-store.ts";
import type { SpendingLedger } from "./classification/spending.ts";
import type { Config } from "./config.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { startLoop } from "./lifecycle.ts";
import { inspectServers, openConfiguredMysql, watchReplicas } from "./open-mysql.ts";
import { createOutageReport } from "./telemetry/create-outage-report.ts";
import { DatabaseError } from "./storage/database-error.ts";
import { createGuard } from "./storage/guard.ts";
import { guardInvalidations, guardStore } from "./storage/guarded-store.ts";
import type { ReplicaSet } from "./storage/mysql/open-mysql-store.ts";
import { openSqliteStore } from "./storage/sqlite/open-sqlite-store.ts";

/** The database that the configuration asks for, behind its guard. */
export interface StoreService {
  kind: "sqlite" | "mysql";
  store: GuardedStore;
  spending: SpendingLedger;
  leases: DatabaseLeaseLedger;
  /** null: none are configured. */
  replicas: ReplicaSet | null;
  invalidations: GuardedInvalidationLog;
  /**
   * Brings the schema up to date. A database that refuses us stops the start; one that cannot be reached
   * does not: the service runs on memory and journal, and `onMigrated` is called when it has come.
   */
  migrate(onMigrated: () => Promise<void>): Promise<void>;
}

const MIGRATION_RETRY_MS = 1_000;

interface StoreSurroundings {
  lifecycle: Lifecycle;
  log: Logger;
  /** Which of several processes on one port this is. */
  worker: number | undefined;
}

/** Opens the database without touching it. */
export function openStore(config: Config, surroundings: StoreSurroundings): StoreService {
  const { lifecycle, log, worker } = surroundings;
  const { DATABASE_URL: url } = config;
  const mysql = url === null ? null : openConfiguredMysql(config, url, log);
  const raw = mysql ?? openSqliteStore({ file: join(config.DATA_DIR, "onceover.db") });
  const kind = mysql ? "mysql" : "sqlite";
  lifecycle.onClose("database", () => raw.close());
  const callMs = config.DATABASE_ACQUIRE_TIMEOUT_MS + config.DATABASE_STATEMENT_TIMEOUT_MS;
  const guard = createGuard({
    onStateChange: createOutageReport({
      report: (isAvailable, detail) =>
        isAvailable
          ? log.info({ database: kind }, "the database answers again")
          : log.error(
              { database: kind, detail },
              "the database does not answer; going on without it",
            ),
    }),
  });
  return {
    kind,
    store: guardStore(raw, { readTimeoutMs: callMs, writeTimeoutMs: callMs }, guard),
    spending: raw.spending,
    leases: raw.leases,
    replicas: mysql?.replicas.size ? mysql.replicas : null,
    invalidations: guardInvalidations(raw.invalidations, guard, callMs),
    async migrate(onMigrated) {
      const onReached = async () => {
        if (mysql) await inspectServers(mysql, { config, log, worker });
        await onMigrated();
      };
      await migrate(raw, onReached, lifecycle, log);
      if (mysql) watchReplicas(mysql, lifecycle, log);
    },
  };
}

/** Resolves after the first try; the others go on in the background. */
async function migrate(
  raw: { migrate(): Promise<void> },
  onReached: () => Promise<void>,
  lifecycle: Lifecycle,
  log: Logger,
): Promise<void> {
  try {
    await raw.migrate();
    await onReached();
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    log.error({ err: error }, "the database cannot be reached; going on without it until it can");
    const retry = startLoop({
      name: "migration",
      intervalMs: MIGRATION_RETRY_MS,
      onError: (_, cause) => log.debug({ err: cause }, "the database is still not there"),
      async run() {
        await raw.migrate();
        log.info("the database is there");
        await onReached();
        void retry.stop();
      },
    });
    lifecycle.onClose("migration", () => retry.stop());
  }
}

function isUnreachable(error: unknown): boolean {
  return error instanceof DatabaseError && error.kind === "unreachable";
}
