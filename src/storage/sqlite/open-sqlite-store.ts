import { Database, type SQLQueryBindings } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/bun-sqlite";
import { SQLiteSyncDialect } from "drizzle-orm/sqlite-core";
import type { DatabaseLeaseLedger } from "../../classification/ports/leases.ts";
import type { InvalidationLog } from "../../classification/ports/invalidations.ts";
import type { ResultStore } from "../../classification/ports/result-store.ts";
import type { SpendingLedger } from "../../classification/spending.ts";
import { createBinder } from "../bind-values.ts";
import { encodeWord } from "../codecs.ts";
import { DatabaseError } from "../database-error.ts";
import { createReads, type ReadDialect } from "../reads.ts";
import { createSqliteLeases } from "./leases.ts";
import { createSqliteInvalidations } from "./invalidations.ts";
import { migrateSqlite } from "./migrate-sqlite.ts";
import { createSqlitePurge } from "./purge.ts";
import { purgeSqlitePhoto } from "./purge-photo.ts";
import { recordSqliteClaim } from "./record-claim.ts";
import * as tables from "./schema.ts";
import { createSqliteLedger } from "./spending.ts";
import { type PreparedWrites, prepareWrites } from "./writes.ts";

export interface SqliteStoreOptions {
  /** Path of the database file, made with its folders where missing; `:memory:` for none. */
  file: string;
}

export interface SqliteStore extends ResultStore {
  readonly client: Database;
  readonly spending: SpendingLedger;
  readonly leases: DatabaseLeaseLedger;
  readonly invalidations: InvalidationLog;
  /** Brings the schema up to date; safe to call from several processes at once. Rejects with a DatabaseError. */
  migrate(): Promise<void>;
}

/** How long a statement waits for another process's write. The wait blocks this process too, so it is short. */
const BUSY_TIMEOUT_MS = 1_000;

/**
 * Opens an embedded store; several processes may open the same file. Each method runs to its end
 * before it returns: SQLite works in the caller's thread. Throws a DatabaseError.
 */
export function openSqliteStore({ file }: SqliteStoreOptions): SqliteStore {
  const client = openFile(file);
  const db = drizzle({ client });
  const syntax = new SQLiteSyncDialect();
  const dialect: ReadDialect = {
    tables,
    prepare(statement) {
      const { sql: text, params } = syntax.sqlToQuery(statement);
      const query = client.query<unknown, SQLQueryBindings[]>(text);
      const bind = createBinder(params);
      return async (values) => query.values(...(bind(values) as SQLQueryBindings[]));
    },
    encodeFingerprint: encodeWord,
    fingerprintSlot: (placeholder) => sql`${placeholder}`,
  };
  const purge = createSqlitePurge(db, dialect);
  /** Prepared at first use, when the tables are there. */
  let prepared: PreparedWrites | undefined;
  const writes = () => (prepared ??= prepareWrites(db));

  return {
    client,
    spending: createSqliteLedger(db),
    leases: createSqliteLeases(db),
    invalidations: createSqliteInvalidations(db),
    ...createReads(dialect),
    migrate: () => migrateSqlite(db),
    async saveResults(results) {
      writes().saveResults(results);
    },
    async recordClaim(claim, policy) {
      return recordSqliteClaim(db, claim, policy);
    },
    async addHits(hits) {
      writes().addHits(hits);
    },
    async appendRequests(requests) {
      writes().appendRequests(requests);
    },
    purge,
    async purgePhoto(hash, now) {
      return purgeSqlitePhoto(db, hash, now);
    },
    async ping() {
      client.query("select 1").get();
    },
    async close() {
      client.close();
    },
  };
}

function openFile(file: string): Database {
  try {
    if (file !== ":memory:") mkdirSync(dirname(file), { recursive: true });
    const client = new Database(file, { create: true, strict: true });
    client.run(`pragma busy_timeout = ${BUSY_TIMEOUT_MS}`);
    client.run("pragma synchronous = normal");
    client.run("pragma foreign_keys = on");
    return client;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new DatabaseError("refused", `cannot open ${file}: ${text}`, {
      cause: error,
    });
  }
}
