import type { ImageIdentity } from "./identity.ts";
import type { Digest } from "./identity.ts";
import type { PreparedPicture } from "./ports.ts";
import { PROVISIONAL_TTL_MS } from "./result.ts";

/** A provisional result that a language model should replace, with the picture to show it. */
export interface PendingUpgrade {
  identity: ImageIdentity;
  picture: PreparedPicture;
  /** How often the photo was asked for; the most requested goes first. */
  requests: number;
  /** Failed ones that may have been the picture's fault. */
  attempts: number;
  /** Milliseconds since the epoch; the provisional result is gone by then. */
  expiresAt: number;
}

export interface UpgradeQueue {
  readonly size: number;
  readonly bytes: number;
  offer(identity: ImageIdentity, picture: PreparedPicture): void;
  noteRequest(digest: Digest): void;
  /** Takes the most requested one out. */
  take(): PendingUpgrade | null;
  /** Puts one back that failed; after `MAX_ATTEMPTS` attempts it is dropped. */
  putBack(upgrade: PendingUpgrade): void;
}

const MAX_ATTEMPTS = 5;

/**
 * Pictures waiting for a language model, in memory, bounded by bytes: when full, a new picture is not
 * taken, its provisional result expires and the photo is classified at its next upload.
 */
export function createUpgradeQueue(maxBytes: number, clock: () => number): UpgradeQueue {
  const pending = new Map<Digest, PendingUpgrade>();
  /** Invariant: the sum of `jpeg.byteLength` over `pending`. */
  let bytes = 0;

  function remove(upgrade: PendingUpgrade) {
    if (pending.delete(upgrade.identity.digest)) bytes -= upgrade.picture.jpeg.byteLength;
  }

  function add(upgrade: PendingUpgrade) {
    const size = upgrade.picture.jpeg.byteLength;
    if (pending.has(upgrade.identity.digest) || bytes + size > maxBytes) return;
    pending.set(upgrade.identity.digest, upgrade);
    bytes += size;
  }

  return {
    get size() {
      return pending.size;
    },
    get bytes() {
      return bytes;
    },
    offer(identity, picture) {
      const expiresAt = clock() + PROVISIONAL_TTL_MS;
      add({ identity, picture, requests: 1, attempts: 0, expiresAt });
    },
    noteRequest(digest) {
      const upgrade = pending.get(digest);
      if (upgrade) upgrade.requests++;
    },
    take() {
      const now = clock();
      let best: PendingUpgrade | null = null;
      for (const upgrade of pending.values()) {
        if (upgrade.expiresAt <= now) remove(upgrade);
        else if (!best || upgrade.requests > best.requests) best = upgrade;
      }
      if (best) remove(best);
      return best;
    },
    putBack(upgrade) {
      if (upgrade.attempts < MAX_ATTEMPTS) add(upgrade);
    },
  };
}
