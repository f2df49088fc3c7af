import type { AliasClaim, AliasPolicy, ClaimVerdict } from "../classification/alias.ts";
import type { ResultSink, SaveOutcome } from "../classification/ports/result-sink.ts";
import type { GuardedStore } from "../classification/ports/result-store.ts";
import type { StoredResult } from "../classification/result.ts";
import type { Journal, JournalEntry } from "./journal.ts";

export interface ResultSinkDeps {
  store: Pick<GuardedStore, "saveResults" | "recordClaim" | "isAvailable">;
  journal: Journal;
  aliasPolicy: AliasPolicy;
  /** Something that was paid for could be written nowhere. */
  onLost: (entries: readonly JournalEntry[], error: unknown) => void;
}

export interface JournaledSink extends ResultSink {
  /**
   * Moves journal entries to the database until none is left, it stops answering or another process is
   * at it; resolves to how many.
   */
  replay(signal: AbortSignal): Promise<number>;
  /** Resolves when every save that was begun has settled. */
  settle(): Promise<void>;
}

/** Rows of one write; results that come in while one is under way go together in the next. */
const BATCH_SIZE = 100;

interface PendingSave {
  result: StoredResult;
  settle: (outcome: SaveOutcome) => void;
}

export function createResultSink(deps: ResultSinkDeps): JournaledSink {
  const { store, journal, aliasPolicy } = deps;
  /** Bounded by the uploads in flight: each waits for its own save. */
  let pending: PendingSave[] = [];
  let flushing: Promise<void> | null = null;

  function appendToJournal(entries: readonly JournalEntry[]): SaveOutcome {
    try {
      journal.append(entries);
      return "journaled";
    } catch (error) {
      deps.onLost(entries, error);
      return "lost";
    }
  }

  async function flush(): Promise<void> {
    while (pending.length > 0) {
      const batch = pending.slice(0, BATCH_SIZE);
      pending = pending.slice(BATCH_SIZE);
      const results = batch.map(({ result }) => result);
      const written = await store.saveResults(results);
      const outcome = written.ok
        ? "stored"
        : appendToJournal(results.map((result) => ({ kind: "result", result })));
      for (const { settle } of batch) settle(outcome);
    }
    flushing = null;
  }

  /** Results first, in one write: a claim means nothing before the result it points to. */
  async function write(entries: readonly JournalEntry[]): Promise<boolean> {
    const results = entries.flatMap((entry) => (entry.kind === "result" ? [entry.result] : []));
    if (results.length > 0 && !(await store.saveResults(results)).ok) return false;
    for (const entry of entries) {
      if (entry.kind === "claim" && !(await store.recordClaim(entry.claim, aliasPolicy)).ok)
        return false;
    }
    return true;
  }

  /** An entry that the database refuses must not hold up the others; it stays for the next replay. */
  async function writeOneByOne(
    ids: readonly number[],
    entries: readonly JournalEntry[],
  ): Promise<number[]> {
    const written: number[] = [];
    for (const [index, entry] of entries.entries()) {
      if (!store.isAvailable()) break;
      if (await write([entry])) written.push(ids[index]!);
    }
    return written;
  }

  return {
    saveResult(result) {
      const { promise, resolve } = Promise.withResolvers<SaveOutcome>();
      pending.push({ result, settle: resolve });
      flushing ??= Promise.resolve().then(flush);
      return promise;
    },
    async recordClaim(claim: AliasClaim): Promise<ClaimVerdict | null> {
      const outcome = await store.recordClaim(claim, aliasPolicy);
      if (outcome.ok) return outcome.value;
      appendToJournal([{ kind: "claim", claim }]);
      return null;
    },
    async replay(signal) {
      let replayed = 0;
      let last = 0;
      while (!signal.aborted && store.isAvailable()) {
        const { ids, entries } = journal.read(BATCH_SIZE, last);
        if (ids.length === 0 || !journal.takeReplayTurn()) break;
        last = ids.at(-1)!;
        const written = (await write(entries)) ? ids : await writeOneByOne(ids, entries);
        journal.remove(written);
        replayed += written.length;
      }
      return replayed;
    },
    async settle() {
      await flushing;
    },
  };
}
