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
  /**
   * Whether this process is the one, of those that share the file, that moves entries to the database
   * now: it stays so for `REPLAY_TURN_MS` after each call. Two at it would only do the work twice.
   */
  takeReplayTurn(): boolean;
  count(): number;
  close(): void;
}

/** How soon another process goes on with what a process that died was at. */
export const REPLAY_TURN_MS = 5_000;

export interface JournalOptions {
  file: string;
  maxEntries: number;
  /** Milliseconds since the epoch. */
  clock?: () => number;
}

/** The journal cannot be opened; the message names the file. */
export class JournalError extends Error {
  override readonly name = "JournalError";
}

/** Opens or creates the journal; throws a JournalError when the folder cannot be written. */
export function openJournal({ file, maxEntries, clock = Date.now }: JournalOptions): Journal {
  const owner = crypto.randomUUID();
  const database = openFile(file);
  const counting = database.query<{ count: number }, []>("SELECT count(*) AS count FROM entries");
  const inserting = database.query("INSERT INTO entries (body) VALUES (?)");
  const reading = database.query<{ id: number; body: string }, [number, number]>(
    "SELECT id, body FROM entries WHERE id > ? ORDER BY id LIMIT ?",
  );
  const removing = database.query("DELETE FROM entries WHERE id = ?");
  const takingTurn =
    database.query(`INSERT INTO replays (id, owner, ends_at) VALUES (1, $owner, $endsAt)
    ON CONFLICT (id) DO UPDATE SET owner = $owner, ends_at = $endsAt WHERE owner = $owner OR ends_at <= $now`);
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
    takeReplayTurn() {
      const now = clock();
      return takingTurn.run({ owner, now, endsAt: now + REPLAY_TURN_MS }).changes > 0;
    },
    remove: (ids) => removeAll.immediate(ids),
    count,
    close() {
      database.run("DELETE FROM replays WHERE owner = ?", [owner]);
      database.close();
    },
  };
}

function openFile(file: string): Database {
  try {
    mkdirSync(dirname(file), { recursive: true });
    const database = new Database(file, { create: true, strict: true });
    database.run("PRAGMA busy_timeout = 2000");
    database.run("PRAGMA journal_mode = WAL");
    database.run("PRAGMA synchronous = FULL");
    // No id is used twice: a process may remove what it read after another one has removed it.
    database.run(
      "CREATE TABLE IF NOT EXISTS entries (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL) STRICT",
    );
    database.run(
      "CREATE TABLE IF NOT EXISTS replays (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, ends_at INTEGER NOT NULL) STRICT",
    );
    return database;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new JournalError(`cannot open the journal ${file}: ${reason}`, { cause });
  }
}
