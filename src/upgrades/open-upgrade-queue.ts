import type { Digest, Fingerprint } from "../classification/identity.ts";
import type { PictureHash } from "../classification/picture-hash.ts";
import { PROVISIONAL_TTL_MS } from "../classification/result.ts";
import type { PendingUpgrade, UpgradeQueue } from "../classification/ports/upgrade-queue.ts";
import { openPendingPictures, type PendingRow } from "./pending-pictures.ts";

export interface UpgradeQueueOptions {
  /** Path of the queue's own SQLite file, made where missing; `:memory:` for none. */
  file: string;
  /** Pictures of other profiles are left alone until they expire. */
  profileId: string;
  maxBytes: number;
  /** How long a picture is lent out: longer than an attempt takes, in milliseconds. */
  leaseMs: number;
  /** The disk refused; what the caller wanted was not done. */
  onError: (error: unknown) => void;
  clock: () => number;
}

export interface DurableUpgradeQueue extends UpgradeQueue {
  close(): void;
}

const MAX_ATTEMPTS = 5;
/** Photos whose requests are counted between two writes; those of others count for nothing. */
const MAX_COUNTED = 10_000;

/** Opens or creates the queue; throws when the file cannot be used. */
export function openUpgradeQueue(options: UpgradeQueueOptions): DurableUpgradeQueue {
  const { maxBytes, leaseMs, clock, onError } = options;
  const pictures = openPendingPictures(options.file, options.profileId);
  /** Requests since they were last written, so that a cache hit writes nothing. */
  const requests = new Map<Digest, number>();
  /** Measured anew by every `sweep`, for other processes add and remove, too. */
  let held = pictures.measure();

  /** A disk that refuses costs upgrades, never an answer. */
  function attempt<Value>(work: () => Value, otherwise: Value): Value {
    try {
      return work();
    } catch (error) {
      onError(error);
      return otherwise;
    }
  }

  function writeRequests(): void {
    if (requests.size === 0) return;
    pictures.addRequests(requests);
    requests.clear();
  }

  function remove({ identity, picture }: PendingUpgrade): void {
    pictures.delete(identity.digest);
    held = { size: held.size - 1, bytes: held.bytes - picture.jpeg.byteLength };
    if (held.size <= 0) pictures.scrub();
  }

  return {
    get size() {
      return held.size;
    },
    get bytes() {
      return held.bytes;
    },
    offer({ digest, fingerprint }, { jpeg, pictureHash }) {
      attempt(() => {
        const expiresAt = clock() + PROVISIONAL_TTL_MS;
        if (pictures.renew(digest, expiresAt)) return;
        const bytes = jpeg.byteLength;
        if (held.bytes + bytes > maxBytes) return;
        pictures.insert({ digest, fingerprint, pictureHash, expiresAt, bytes, jpeg });
        held = { size: held.size + 1, bytes: held.bytes + bytes };
      }, undefined);
    },
    noteRequest(digest) {
      const count = requests.get(digest) ?? 0;
      if (count > 0 || requests.size < MAX_COUNTED) requests.set(digest, count + 1);
    },
    take(limit) {
      return attempt(() => {
        writeRequests();
        const now = clock();
        return pictures.lend(limit, now, now + leaseMs).map(toUpgrade);
      }, []);
    },
    done: (upgrade) => attempt(() => remove(upgrade), undefined),
    putBack(upgrade) {
      const { identity, attempts } = upgrade;
      attempt(() => {
        if (attempts < MAX_ATTEMPTS) pictures.takeBack(identity.digest, attempts);
        else remove(upgrade);
      }, undefined);
    },
    discard({ digest, before }) {
      return attempt(() => {
        const count = pictures.discard(digest, before + PROVISIONAL_TTL_MS);
        if (count > 0) pictures.scrub();
        held = pictures.measure();
        return count;
      }, 0);
    },
    sweep() {
      attempt(() => {
        writeRequests();
        if (pictures.deleteExpired(clock()) > 0) pictures.scrub();
        held = pictures.measure();
      }, undefined);
    },
    close() {
      attempt(writeRequests, undefined);
      pictures.close();
    },
  };
}

function toUpgrade(row: PendingRow): PendingUpgrade {
  return {
    identity: { digest: row.digest as Digest, fingerprint: row.fingerprint as Fingerprint },
    picture: { jpeg: row.jpeg, pictureHash: row.picture_hash as PictureHash },
    attempts: row.attempts,
  };
}
