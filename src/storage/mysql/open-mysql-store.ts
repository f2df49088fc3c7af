import type { Pool } from "mysql2";
import type { DatabaseLeaseLedger } from "../../classification/ports/leases.ts";
import type { InvalidationLog } from "../../classification/ports/invalidations.ts";
import type { ResultStore } from "../../classification/ports/result-store.ts";
import type { SpendingLedger } from "../../classification/spending.ts";
import { createReads } from "../reads.ts";
import { readConnectionLimit } from "./connection-limits.ts";
import { ConnectionPool, type ConnectionPoolOptions } from "./connection-pool.ts";
import { createDrizzle } from "./drizzle-client.ts";
import { createMysqlLeases } from "./leases.ts";
import { createMysqlInvalidations } from "./invalidations.ts";
import { migrateMysql } from "./migrate-mysql.ts";
import { createMysqlPurge } from "./purge.ts";
import { purgeMysqlPhoto } from "./purge-photo.ts";
import { createMysqlReadDialect } from "./read-dialect.ts";
import { recordMysqlClaim } from "./record-claim.ts";
import { Replicas } from "./replicas.ts";
import { createMysqlLedger } from "./spending.ts";
import { addHits, appendRequests, saveResults } from "./writes.ts";

export interface MysqlStoreOptions extends ConnectionPoolOptions {
  /** Read replicas of the database at `url`, with pools of the same size. Default: none. */
  replicaUrls?: readonly string[];
  /** How far behind the primary a replica may be to be asked. */
  maxReplicaLagMs?: number;
  /** Told when a replica becomes usable (null) or unusable (why). */
  onReplicaChange?: (server: string, problem: string | null) => void;
}

/** Reads that may go to replicas. */
export interface ReplicaSet {
  readonly size: number;
  countUsable(): number;
  /** Finds out which are fit for use; to be called every second or so. Never rejects. */
  check(): Promise<void>;
}

export interface MysqlStore extends ResultStore {
  readonly client: Pool;
  readonly spending: SpendingLedger;
  readonly leases: DatabaseLeaseLedger;
  readonly replicas: ReplicaSet;
  readonly invalidations: InvalidationLog;
  /** Brings the schema up to date; safe to call from several instances at once. Rejects with a DatabaseError. */
  migrate(): Promise<void>;
  /** How many connections the primary and each replica allow us; a server that does not answer is left out. */
  readConnectionLimits(): Promise<{ server: string; limit: number }[]>;
}

/**
 * With the time that a check's verdict holds, no answer is older than 20 s. What was invalidated must
 * be remembered for longer than that.
 */
const MAX_REPLICA_LAG_MS = 10_000;
/** Of the time for a read, what a replica may use: the primary must still be able to answer in time. */
const REPLICA_SHARE = 0.25;

/**
 * A store in MySQL 8 or MariaDB 10.11. Lazy: the first statement connects, and a server that comes
 * back is connected to again. Throws a DatabaseError for a URL that is none.
 */
export function openMysqlStore(options: MysqlStoreOptions): MysqlStore {
  const connections = new ConnectionPool(options);
  const db = createDrizzle(connections);
  const dialect = createMysqlReadDialect(connections);
  const reads = createReads(dialect);
  const readMs = options.acquireTimeoutMs + options.statementTimeoutMs;
  const replicas = new Replicas(
    { db, reads },
    {
      ...options,
      urls: options.replicaUrls ?? [],
      maxLagMs: options.maxReplicaLagMs ?? MAX_REPLICA_LAG_MS,
      onChange: options.onReplicaChange ?? (() => {}),
    },
  );

  return {
    client: connections.pool,
    spending: createMysqlLedger(db),
    leases: createMysqlLeases(db),
    replicas: {
      size: replicas.all.length,
      countUsable: () => replicas.countUsable(),
      check: () => replicas.check(),
    },
    find: (query) =>
      query.fresh
        ? reads.find(query)
        : replicas.read((any) => any.find(query), readMs * REPLICA_SHARE),
    findClaimed: reads.findClaimed,
    findHottest: (...query) => replicas.read((any) => any.findHottest(...query), readMs),
    invalidations: createMysqlInvalidations(db),
    migrate: () => migrateMysql(options),
    saveResults: (results) => saveResults(db, results),
    recordClaim: (claim, policy) => recordMysqlClaim(db, claim, policy),
    addHits: (hits) => addHits(db, hits),
    appendRequests: (requests) => appendRequests(db, requests),
    purge: createMysqlPurge(db, dialect),
    purgePhoto: (hash, now) => purgeMysqlPhoto(db, hash, now),
    async ping() {
      await connections.runOnce("query", { sql: "select 1", values: [], rowsAsArray: true });
    },
    async readConnectionLimits() {
      const servers = [
        { server: URL.parse(options.url)?.host ?? "", connections },
        ...replicas.all.map(({ server, connections }) => ({ server, connections })),
      ];
      const limits = await Promise.allSettled(
        servers.map(async ({ server, connections }) => ({
          server,
          limit: await readConnectionLimit(connections),
        })),
      );
      return limits.flatMap((limit) => (limit.status === "fulfilled" ? [limit.value] : []));
    },
    async close() {
      await Promise.all([connections.close(), replicas.close()]);
    },
  };
}
