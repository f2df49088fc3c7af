import type { Logger } from "pino";
import type { Config } from "./config.ts";
import { describeShortage } from "./connection-budget.ts";
import { countWorkers } from "./count-workers.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { runInBackground } from "./run-in-background.ts";
import { type MysqlStore, openMysqlStore } from "./storage/mysql/open-mysql-store.ts";

const CONNECT_TIMEOUT_MS = 2_000;
/** How often it is found out which replicas are fit for use. */
const REPLICA_CHECK_MS = 1_000;

export function openConfiguredMysql(config: Config, url: string, log: Logger): MysqlStore {
  return openMysqlStore({
    url,
    replicaUrls: config.DATABASE_REPLICA_URLS ?? [],
    poolSize: config.DATABASE_POOL_SIZE,
    acquireTimeoutMs: config.DATABASE_ACQUIRE_TIMEOUT_MS,
    statementTimeoutMs: config.DATABASE_STATEMENT_TIMEOUT_MS,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    onReplicaChange: (server, problem) =>
      problem === null
        ? log.info({ server }, "the read replica is in use")
        : log.warn({ server, problem }, "the read replica is not used"),
  });
}

/** What is to be known of the servers as soon as the database is there. Never rejects. */
export async function inspectServers(
  store: MysqlStore,
  { config, log, worker = 1 }: { config: Config; log: Logger; worker: number | undefined },
): Promise<void> {
  const { DATABASE_POOL_SIZE: poolSize } = config;
  const processes = countWorkers(config);
  const [limits] = await Promise.all([
    // One of the machine's processes speaks for all.
    worker === 1 ? store.readConnectionLimits() : [],
    store.replicas.check(),
  ]);
  for (const { server, limit } of limits) {
    const shortage = describeShortage({ processes, poolSize, server, limit });
    if (shortage) log.warn({ server, limit }, shortage);
  }
}

/** Keeps finding out which replicas are fit for use. */
export function watchReplicas({ replicas }: MysqlStore, lifecycle: Lifecycle, log: Logger): void {
  if (replicas.size === 0) return;
  runInBackground({ lifecycle, log }, "replicas", REPLICA_CHECK_MS, () => replicas.check());
}
