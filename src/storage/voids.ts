/** What is refused under its key for a while, because a slow read may still bring it. */
export interface Voids {
  /** Refuses what was made before `before`. */
  add(key: string, before: number, now: number): void;
  covers(key: string, madeAt: number, now: number): boolean;
  /** Whether anything was refused under the key at `since` or later. */
  isNewer(key: string, since: number): boolean;
}

interface Void {
  before: number;
  addedAt: number;
}

/**
 * Remembers at most `max` keys, each for `keptMs`. Nothing is let through for want of room: what had
 * to be forgotten early is refused under every key instead.
 */
export function createVoids({ max, keptMs }: { max: number; keptMs: number }): Voids {
  /** The oldest first. */
  const voids = new Map<string, Void>();
  let crowdedOut: Void = { before: 0, addedAt: -Infinity };

  const isOver = ({ addedAt }: Void, now: number) => addedAt + keptMs <= now;

  function makeRoom(now: number): void {
    for (const [key, entry] of voids) {
      const isExpired = isOver(entry, now);
      if (!isExpired && voids.size <= max) return;
      voids.delete(key);
      if (isExpired) continue;
      const before = isOver(crowdedOut, now) ? 0 : crowdedOut.before;
      crowdedOut = { before: Math.max(before, entry.before), addedAt: entry.addedAt };
    }
  }

  return {
    add(key, before, now) {
      const known = voids.get(key)?.before ?? 0;
      voids.delete(key);
      voids.set(key, { before: Math.max(before, known), addedAt: now });
      makeRoom(now);
    },
    covers(key, madeAt, now) {
      if (madeAt < crowdedOut.before && !isOver(crowdedOut, now)) return true;
      const entry = voids.get(key);
      return entry !== undefined && madeAt < entry.before && !isOver(entry, now);
    },
    isNewer(key, since) {
      const entry = voids.get(key);
      return entry !== undefined && entry.addedAt >= since;
    },
  };
}
