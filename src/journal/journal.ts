import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { AliasClaim } from "../classification/alias.ts";
import type { StoredResult } from "../classification/result.ts";

export type JournalEntry =
  { kind: "result"; result: StoredResult } | { kind: "claim"; claim: AliasClaim };

/**
 * What could not be written to the database yet. A SQLite file of its own, so that several processes
 * may share it and none of them can leave half an entry behind. Entries are written again at least
 * once; writing one twice changes nothing.
 */
export interface Journal {
  /** Durable when it returns. Throws when the disk refuses or the journal is full. */
  append(entries: readonly JournalEntry[]): void;
  /** The oldest entries after the id `after`, with the ids to remove them by. */
  read(limit: number, after?: number): { ids: number[]; entries: JournalEntry[] };
  remove(ids: readonly number[]): void;
  count(): number;
  close(): void;
}

/** The journal cannot be opened; the message names the file. */
export class JournalError extends Error {
  override readonly name = "JournalError";
}

/** Opens or creates the journal; throws a JournalError when the folder cannot be written. */
export function openJournal({ file, maxEntries }: { file: string; maxEntries: number }): Journal {
  const database = openFile(file);
  const counting = database.query<{ count: number }, []>("SELECT count(*) AS count FROM entries");
  const inserting = database.query("INSERT INTO entries (body) VALUES (?)");
  const reading = database.query<{ id: number; body: string }, [number, number]>(
    "SELECT id, body FROM entries WHERE id > ? ORDER BY id LIMIT ?",
  );
  const removing = database.query("DELETE FROM entries WHERE id = ?");
  const insertAll = database.transaction((entries: readonly JournalEntry[]) => {
    for (const entry of entries) inserting.run(JSON.stringify(entry));
  });
  const removeAll = database.transaction((ids: readonly number[]) => {
    for (const id of ids) removing.run(id);
  });
  const count = () => counting.get()?.count ?? 0;

  return {
    append(entries) {
      if (count() + entries.length > maxEntries) {
        throw new Error(`the journal is full: ${maxEntries} entries wait for the database`);
      }
      insertAll.immediate(entries);
    },
    read(limit, after = 0) {
      const rows = reading.all(after, limit);
      return {
        ids: rows.map(({ id }) => id),
        entries: rows.map(({ body }) => JSON.parse(body) as JournalEntry),
      };
    },
    remove: (ids) => removeAll.immediate(ids),
    count,
    close: () => database.close(),
  };
}

function openFile(file: string): Database {
  try {
    mkdirSync(dirname(file), { recursive: true });
    const database = new Database(file, { create: true, strict: true });
    database.run("PRAGMA busy_timeout = 2000");
    database.run("PRAGMA journal_mode = WAL");
    database.run("PRAGMA synchronous = FULL");
    database.run(
      "CREATE TABLE IF NOT EXISTS entries (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT",
    );
    return database;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new JournalError(`cannot open the journal ${file}: ${reason}`, { cause });
  }
}
