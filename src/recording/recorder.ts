import type { Digest } from "../classification/identity.ts";
import type { Recorder, RequestRecord } from "../classification/ports/recorder.ts";
import type { GuardedStore, HitCount } from "../classification/ports/result-store.ts";

export interface RecorderOptions {
  store: Pick<GuardedStore, "appendRequests" | "addHits">;
  /** Request lines held at most; further ones are shed. */
  maxRequests: number;
  /** Photos whose hits are held at most; further ones' hits are shed. */
  maxDigests: number;
  onShed: (kind: "request" | "hit", count: number) => void;
}

export interface WriteBehindRecorder extends Recorder {
  /** Writes what is held; keeps it, as far as there is room, when the database does not answer. */
  flush(): Promise<void>;
  readonly held: { requests: number; hits: number };
}

/** Rows of one write. SQLite works in our own thread, so requests wait for as long as one takes. */
const BATCH_SIZE = 500;

/** Lets waiting requests be answered between two batches, which awaiting alone would not. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Collects request lines and hit counts in memory and writes them in batches when told to. */
export function createRecorder(options: RecorderOptions): WriteBehindRecorder {
  const { store, maxRequests, maxDigests, onShed } = options;
  let requests: RequestRecord[] = [];
  /** By digest, as a process serves one profile; a photo asked for a thousand times is one row. */
  let hits = new Map<Digest, HitCount>();

  function addHit(hit: HitCount): void {
    const held = hits.get(hit.digest);
    if (held) {
      held.count += hit.count;
      held.lastHitAt = Math.max(held.lastHitAt, hit.lastHitAt);
    } else if (hits.size < maxDigests) hits.set(hit.digest, hit);
    else onShed("hit", hit.count);
  }

  async function flushRequests(): Promise<void> {
    const taken = requests;
    requests = [];
    for (let at = 0; at < taken.length; at += BATCH_SIZE) {
      const written = await store.appendRequests(taken.slice(at, at + BATCH_SIZE));
      if (written.ok) {
        await nextTurn();
        continue;
      }
      const unwritten = taken.slice(at);
      const room = Math.max(0, maxRequests - requests.length);
      if (unwritten.length > room) onShed("request", unwritten.length - room);
      requests = [...unwritten.slice(0, room), ...requests];
      return;
    }
  }

  async function flushHits(): Promise<void> {
    const taken = [...hits.values()];
    hits = new Map();
    for (let at = 0; at < taken.length; at += BATCH_SIZE) {
      const written = await store.addHits(taken.slice(at, at + BATCH_SIZE));
      if (written.ok) {
        await nextTurn();
        continue;
      }
      for (const hit of taken.slice(at)) addHit(hit);
      return;
    }
  }

  return {
    recordRequest(describe) {
      if (requests.length < maxRequests) requests.push(describe());
      else onShed("request", 1);
    },
    recordHit({ profileId, digest }, at) {
      const held = hits.get(digest);
      if (!held) return addHit({ profileId, digest, count: 1, lastHitAt: at });
      held.count++;
      if (at > held.lastHitAt) held.lastHitAt = at;
    },
    async flush() {
      await flushRequests();
      await flushHits();
    },
    get held() {
      return { requests: requests.length, hits: hits.size };
    },
  };
}
