import { sql } from "drizzle-orm";
import { MySqlDialect } from "drizzle-orm/mysql-core";
import type { Pool } from "mysql2";
import type { DatabaseLeaseLedger } from "../../classification/leases.ts";
import type { ResultStore } from "../../classification/ports.ts";
import type { SpendingLedger } from "../../classification/spending.ts";
import { createBinder } from "../bind-values.ts";
import { encodeUnsigned } from "../codecs.ts";
import { ALL_AT_ONCE } from "../find-statement.ts";
import { createReads, type ReadDialect } from "../reads.ts";
import { ConnectionPool, type ConnectionPoolOptions } from "./connection-pool.ts";
import { createDrizzle } from "./drizzle-client.ts";
import { createMysqlLeases } from "./leases.ts";
import { migrateMysql } from "./migrate-mysql.ts";
import { createMysqlPurge } from "./purge.ts";
import { recordMysqlClaim } from "./record-claim.ts";
import * as tables from "./schema.ts";
import { createMysqlLedger } from "./spending.ts";
import { addHits, appendRequests, saveResults } from "./writes.ts";

export type MysqlStoreOptions = ConnectionPoolOptions;

export interface MysqlStore extends ResultStore {
  readonly client: Pool;
  readonly spending: SpendingLedger;
  readonly leases: DatabaseLeaseLedger;
  /** Brings the schema up to date; safe to call from several instances at once. Rejects with a DatabaseError. */
  migrate(): Promise<void>;
}

/**
 * A store in MySQL 8 or MariaDB 10.11. Lazy: the first statement connects, and a server that comes
 * back is connected to again. Throws a DatabaseError for a URL that is none.
 */
export function openMysqlStore(options: MysqlStoreOptions): MysqlStore {
  const connections = new ConnectionPool(options);
  const db = createDrizzle(connections);
  const syntax = new MySqlDialect();
  const dialect: ReadDialect = {
    tables,
    prepare(statement) {
      const { sql: text, params } = syntax.sqlToQuery(statement);
      const bind = createBinder(params);
      return async (values) => {
        const bound = { sql: text, values: bind(values), rowsAsArray: true };
        return (await connections.runOnce("execute", bound)) as unknown[][];
      };
    },
    encodeFingerprint: encodeUnsigned,
    // A bare string would be compared with an integer column as a floating-point number.
    fingerprintSlot: (placeholder) => sql`cast(${placeholder} as unsigned)`,
    singleStages: ALL_AT_ONCE,
  };

  return {
    client: connections.pool,
    spending: createMysqlLedger(db),
    leases: createMysqlLeases(db),
    ...createReads(dialect),
    migrate: () => migrateMysql(options),
    saveResults: (results) => saveResults(db, results),
    recordClaim: (claim, policy) => recordMysqlClaim(db, claim, policy),
    addHits: (hits) => addHits(db, hits),
    appendRequests: (requests) => appendRequests(db, requests),
    purge: createMysqlPurge(db, dialect),
    async ping() {
      await connections.runOnce("query", { sql: "select 1", values: [], rowsAsArray: true });
    },
    close: () => connections.close(),
  };
}
