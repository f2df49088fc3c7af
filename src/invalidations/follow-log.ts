import {
  type GuardedInvalidationLog,
  INVALIDATIONS_KEPT_MS,
  type LoggedInvalidation,
} from "../classification/ports/invalidations.ts";
import { LogPosition } from "./log-position.ts";

export interface FollowOptions {
  log: Pick<GuardedInvalidationLog, "read" | "lastId">;
  /** What was announced so long ago is applied at the start, too. */
  lookBackMs: number;
  /** Resolves to false when the tier could not be told: it is told again with the next call. */
  apply(invalidations: readonly LoggedInvalidation[]): Promise<boolean>;
  /** Some were missed, or too many came to be caught up with; null: they are caught up with all the same. */
  onMissed: (() => void) | null;
  clock: () => number;
}

/**
 * Applies to one tier what was announced since the last call; resolves to whether that was all. Never
 * rejects; what fails is made up for by the next.
 */
export type FollowLog = () => Promise<boolean>;

export const PAGE_ROWS = 500;
/** Pages of one call. */
export const MAX_PAGES = 20;
/** Longer than a transaction keeps an id that it has taken: statements have deadlines. */
export const GAP_PATIENCE_MS = 60_000;
/** Without news for so long, some may be out of the log by now; half its length, for clocks differ. */
const MAX_SILENCE_MS = INVALIDATIONS_KEPT_MS / 2;

export function createFollowLog(options: FollowOptions): FollowLog {
  const { log, lookBackMs, apply, onMissed, clock } = options;
  let position: LogPosition | null = null;
  /** When the log was last read to its end. */
  let readAt = 0;

  /** Begins anew; what is in the tier by now may be void. */
  async function begin(now: number): Promise<LogPosition | null> {
    position = null;
    const last = await log.lastId(now - lookBackMs);
    if (!last.ok) return null;
    onMissed?.();
    readAt = now;
    position = new LogPosition(last.value, GAP_PATIENCE_MS);
    return position;
  }

  return async function followLog() {
    const now = clock();
    const isCurrent = position !== null && now - readAt < MAX_SILENCE_MS;
    const current = isCurrent ? position : await begin(now);
    if (!current) return false;
    let cursor = current.settled;
    for (let page = 0; page < MAX_PAGES; page++) {
      const rows = await log.read(cursor, PAGE_ROWS);
      if (!rows.ok) return false;
      const news = rows.value.filter(({ id }) => current.isNew(id));
      if (news.length > 0 && !(await apply(news))) return false;
      const ids = news.map(({ id }) => id);
      current.noteApplied(ids, now);
      if (rows.value.length < PAGE_ROWS) {
        readAt = now;
        return true;
      }
      cursor = rows.value.at(-1)!.id;
    }
    if (onMissed) await begin(now);
    return false;
  };
}
