import type { Digest, ImageIdentity } from "../identity.ts";
import type { Invalidation } from "./invalidations.ts";
import type { PreparedPicture } from "./picture-reader.ts";

/** A provisional result that a language model should replace, with the picture to show it. */
export interface PendingUpgrade {
  identity: ImageIdentity;
  picture: PreparedPicture;
  /** Failed ones that may have been the picture's fault. */
  attempts: number;
}

/**
 * Pictures waiting for a language model, for as long as their provisional results are served. Kept on
 * disk, where a restart finds them; processes that share the folder share the queue. Bounded: when it is
 * full, a new picture is not taken, and its photo is classified at its next upload. No method throws.
 */
export interface UpgradeQueue {
  /** As of the last change or `sweep` by this process. */
  readonly size: number;
  readonly bytes: number;
  /** A picture that is in already stays for a provisional result's lifetime from now. */
  offer(identity: ImageIdentity, picture: PreparedPicture): void;
  /** Counts a request for a photo with a provisional result; costs next to nothing. */
  noteRequest(digest: Digest): void;
  /** Lends out the most requested ones; what is neither done nor put back by then is lent out again. */
  take(limit: number): PendingUpgrade[];
  /** Deletes the picture. */
  done(upgrade: PendingUpgrade): void;
  /** Takes one back that failed; after too many attempts it is deleted. */
  putBack(upgrade: PendingUpgrade): void;
  /** Deletes a photo's pictures of every profile that were offered before; returns how many. */
  discard(purged: Pick<Invalidation, "digest" | "before">): number;
  /** Deletes pictures whose time is over, and writes down how often the others were asked for. */
  sweep(): void;
}
