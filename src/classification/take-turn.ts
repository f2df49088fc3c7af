import type { Digest } from "./identity.ts";
import type { Lease, Leases } from "./ports/leases.ts";
import type { FoundResult, Lookup } from "./lookup.ts";
import type { Telemetry } from "./ports/telemetry.ts";

/**
 * How a process came to the model call of an unknown photo: it has the lease, and no other process
 * makes that call; another process' result was there meanwhile; or it goes on alone, because no lease
 * could be asked for or the wait was too long.
 */
export type Turn =
  { kind: "own"; lease: Lease } | { kind: "found"; found: FoundResult } | { kind: "alone" };

/** Settles by `deadlineAt`, less what a call of one's own needs. Never rejects. */
export type TakeTurn = (digest: Digest, deadlineAt: number) => Promise<Turn>;

export interface TurnDeps {
  leases: Leases;
  lookup: Pick<Lookup, "findMade">;
  profileId: string;
  /** Time kept back for a call of one's own, in milliseconds. */
  reserveMs: number;
  telemetry: Pick<Telemetry, "tookTurn">;
  pause: (ms: number) => Promise<unknown>;
  /** Uniform in 0..1, for the jitter of pauses. */
  random: () => number;
  clock: () => number;
}

const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 200;
const GROWTH = 1.5;

/**
 * Lets processes that want to classify the same photo do so one after the other, each after a look at
 * what the one before has stored. An owner that fails or dies lets the next one try.
 */
export function createTakeTurn(deps: TurnDeps): TakeTurn {
  const { leases, lookup, clock } = deps;

  async function take(digest: Digest, deadlineAt: number): Promise<Turn> {
    const waitUntil = deadlineAt - deps.reserveMs;
    const name = `classify:${deps.profileId}:${digest}`;
    for (let limitMs = FIRST_PAUSE_MS; ; limitMs = Math.min(limitMs * GROWTH, LONGEST_PAUSE_MS)) {
      const outcome = await leases.acquire(name);
      if (!outcome.ok) return { kind: "alone" };
      const lease = outcome.value;
      // Also with the lease: its last owner may have stored the result after our first lookup.
      const found = await lookup.findMade(digest);
      if (found) {
        void lease?.release();
        return { kind: "found", found };
      }
      if (lease) return { kind: "own", lease };
      const pauseMs = limitMs * (0.5 + deps.random() / 2);
      if (clock() + pauseMs >= waitUntil) return { kind: "alone" };
      await deps.pause(pauseMs);
    }
  }

  return async (digest, deadlineAt) => {
    const turn = await take(digest, deadlineAt);
    deps.telemetry.tookTurn(turn.kind);
    return turn;
  };
}

/** Where no call is paid for: to look twice costs less than to find out whether another process does. */
export const goAlone: TakeTurn = async () => ({ kind: "alone" });
