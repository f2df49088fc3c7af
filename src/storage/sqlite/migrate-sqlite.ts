import { fileURLToPath } from "node:url";
import { sql } from "drizzle-orm";
import type { BunSQLiteDatabase } from "drizzle-orm/bun-sqlite";
import { readMigrationFiles } from "drizzle-orm/migrator";
import type { Database } from "bun:sqlite";
import { DatabaseError, rootCause } from "../database-error.ts";
import { WRITING } from "./writes.ts";

const MIGRATIONS = fileURLToPath(new URL("../../../drizzle/sqlite", import.meta.url));
/** How long one instance waits for others that migrate the same file. */
const WAIT_MS = 15_000;
const RETRY_MS = 20;

/**
 * Applies what is missing in one transaction that holds the file's write lock from its start.
 * Drizzle's own migrator reads the journal before it locks, so two processes would both apply it.
 */
export async function migrateSqlite(db: BunSQLiteDatabase & { $client: Database }): Promise<void> {
  const migrations = readMigrationFiles({ migrationsFolder: MIGRATIONS });
  // SQLite's own busy wait does not cover the change to write-ahead logging.
  await retryWhileBusy(() => db.$client.run("pragma journal_mode = wal"));
  await retryWhileBusy(() =>
    db.transaction((tx) => {
      tx.run(JOURNAL);
      const last = Number(tx.values<[number | null]>(LAST_APPLIED)[0]?.[0] ?? 0);
      for (const { sql: statements, hash, folderMillis } of migrations) {
        if (folderMillis <= last) continue;
        for (const statement of statements) tx.run(sql.raw(statement));
        tx.run(
          sql`insert into __drizzle_migrations (hash, created_at) values (${hash}, ${folderMillis})`,
        );
      }
    }, WRITING),
  );
}

// The table that Drizzle's migrator keeps, so that its tools understand the file.
const JOURNAL = sql`create table if not exists __drizzle_migrations
  (id integer primary key, hash text not null, created_at numeric)`;
const LAST_APPLIED = sql`select max(created_at) as at from __drizzle_migrations`;

async function retryWhileBusy(attempt: () => unknown): Promise<void> {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    try {
      attempt();
      return;
    } catch (error) {
      if (!isBusy(error)) throw toDatabaseError(error);
      if (Date.now() > deadline)
        throw new DatabaseError("unreachable", "the database file stayed locked", { cause: error });
      await Bun.sleep(RETRY_MS);
    }
  }
}

function isBusy(error: unknown): boolean {
  const code = (rootCause(error) as { code?: unknown }).code;
  return typeof code === "string" && code.startsWith("SQLITE_BUSY");
}

function toDatabaseError(error: unknown): DatabaseError {
  const cause = rootCause(error);
  const text = cause instanceof Error ? cause.message : String(cause);
  return new DatabaseError("refused", `cannot migrate the database file: ${text}`, {
    cause: error,
  });
}
