import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readMigrationFiles } from "drizzle-orm/migrator";
import { openSqliteStore } from "../../src/storage/sqlite/open-sqlite-store.ts";
import { countMigrations } from "../support/migrations.ts";
import { migrateInProcesses } from "./migrate-in-processes.ts";
import { describeResultStore } from "./result-store.ts";

async function inTemporaryFolder() {
  const folder = await mkdtemp(join(tmpdir(), "onceover-sqlite-"));
  // A folder below, to prove that missing ones are made.
  const file = join(folder, "data", "onceover.db");
  return { file, remove: () => rm(folder, { recursive: true, force: true }) };
}

describeResultStore("SQLite", async () => {
  const { file, remove } = await inTemporaryFolder();
  const store = openSqliteStore({ file });
  return {
    store,
    async close() {
      await store.close();
      await remove();
    },
  };
});

test("several processes may migrate the same file at once", async () => {
  const { file, remove } = await inTemporaryFolder();
  try {
    await migrateInProcesses("sqlite", file);
    const store = openSqliteStore({ file });
    expect(store.client.query("select count(*) as n from __drizzle_migrations").get()).toEqual({
      n: countMigrations("sqlite"),
    });
    expect(store.client.query("pragma journal_mode").get()).toEqual({ journal_mode: "wal" });
    await store.close();
  } finally {
    await remove();
  }
});

test("a file that is no database is refused in one readable line", async () => {
  const { file, remove } = await inTemporaryFolder();
  try {
    await Bun.write(file, "not a database, ".repeat(1_000));
    const error = await (async () => openSqliteStore({ file }).migrate())().catch((e) => e);
    expect(error).toMatchObject({ name: "DatabaseError", kind: "refused" });
    expect(error.message).not.toContain("\n");
  } finally {
    await remove();
  }
});

test("a database of the first version keeps its results, which then cost nothing", async () => {
  const { file, remove } = await inTemporaryFolder();
  try {
    const store = openSqliteStore({ file });
    const [first] = readMigrationFiles({ migrationsFolder: "drizzle/sqlite" });
    for (const statement of first!.sql) store.client.run(statement);
    store.client.run(
      "create table __drizzle_migrations (id integer primary key, hash text, created_at numeric)",
    );
    store.client.run("insert into __drizzle_migrations values (1, ?, ?)", [
      first!.hash,
      first!.folderMillis,
    ]);
    store.client.run(
      `insert into results (profile_id, digest, fingerprint, picture_hash, category, confidence, description,
        method, provider, model, provisional, created_at)
       values ('old', ?, ?, ?, 'pets', 0.9, 'a cat', 'llm', 'openai', 'gpt', 0, 1)`,
      [Buffer.alloc(32, 1), Buffer.alloc(8, 2), Buffer.alloc(8, 3)],
    );
    await store.migrate();
    const [kept] = await store.findHottest("old", 1, 0);
    expect(kept).toMatchObject({
      category: "pets",
      inputTokens: null,
      outputTokens: null,
      costMicros: 0,
    });
    await store.close();
  } finally {
    await remove();
  }
});
