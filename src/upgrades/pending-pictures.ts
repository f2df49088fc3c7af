import { Database } from "bun:sqlite";
import { chmodSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";

/** As a row; texts are hexadecimal, times milliseconds since the epoch. */
export interface PendingRow {
  digest: string;
  fingerprint: string;
  picture_hash: string;
  jpeg: Uint8Array;
  attempts: number;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS pending (
    profile_id TEXT NOT NULL, digest TEXT NOT NULL, fingerprint TEXT NOT NULL, picture_hash TEXT NOT NULL,
    requests INTEGER NOT NULL, attempts INTEGER NOT NULL, expires_at INTEGER NOT NULL,
    lent_until INTEGER NOT NULL, bytes INTEGER NOT NULL, jpeg BLOB NOT NULL,
    PRIMARY KEY (profile_id, digest)
  ) STRICT;
  CREATE INDEX IF NOT EXISTS pending_bytes ON pending (bytes);
  CREATE INDEX IF NOT EXISTS pending_expiry ON pending (expires_at);
  CREATE INDEX IF NOT EXISTS pending_order ON pending (profile_id, requests);
`;

export type PendingPictures = ReturnType<typeof openPendingPictures>;

/**
 * The statements on the file of pending pictures. Only its owner may read it, and what is deleted is
 * overwritten. Throws when the file cannot be used.
 */
export function openPendingPictures(file: string, profileId: string) {
  if (file !== ":memory:") mkdirSync(dirname(file), { recursive: true });
  const database = new Database(file, { create: true, strict: true });
  try {
    prepare(database, file);
  } catch (error) {
    database.close();
    throw error;
  }
  const profile = { profileId };

  const measuring = database.query<{ size: number; bytes: number }, []>(
    "SELECT count(*) AS size, coalesce(sum(bytes), 0) AS bytes FROM pending",
  );
  const renewing = database.query(
    `UPDATE pending SET expires_at = $expiresAt, requests = requests + 1
     WHERE profile_id = $profileId AND digest = $digest`,
  );
  const inserting = database.query(
    `INSERT OR IGNORE INTO pending VALUES ($profileId, $digest, $fingerprint, $pictureHash, 1, 0,
     $expiresAt, 0, $bytes, $jpeg)`,
  );
  const counting = database.query(
    "UPDATE pending SET requests = requests + $count WHERE profile_id = $profileId AND digest = $digest",
  );
  const lending = database.query<PendingRow, [Record<string, string | number>]>(
    `UPDATE pending SET lent_until = $lentUntil WHERE profile_id = $profileId AND digest IN (
       SELECT digest FROM pending WHERE profile_id = $profileId AND lent_until <= $now AND expires_at > $now
       ORDER BY requests DESC LIMIT $limit)
     RETURNING digest, fingerprint, picture_hash, jpeg, attempts`,
  );
  const returning = database.query(
    `UPDATE pending SET lent_until = 0, attempts = $attempts
     WHERE profile_id = $profileId AND digest = $digest`,
  );
  const deleting = database.query(
    "DELETE FROM pending WHERE profile_id = $profileId AND digest = $digest",
  );
  const discarding = database.query(
    "DELETE FROM pending WHERE digest = $digest AND expires_at < $expiringBefore",
  );
  const expiring = database.query("DELETE FROM pending WHERE expires_at <= $now");

  return {
    measure: () => measuring.get() ?? { size: 0, bytes: 0 },
    /** False when the picture is not in. */
    renew: (digest: string, expiresAt: number) =>
      renewing.run({ ...profile, digest, expiresAt }).changes > 0,
    insert: (row: Omit<NewPicture, "profileId">) => void inserting.run({ ...profile, ...row }),
    addRequests: database.transaction((counts: ReadonlyMap<string, number>) => {
      for (const [digest, count] of counts) counting.run({ ...profile, digest, count });
    }),
    lend: (limit: number, now: number, lentUntil: number) =>
      lending.all({ ...profile, limit, now, lentUntil }),
    takeBack: (digest: string, attempts: number) =>
      void returning.run({ ...profile, digest, attempts }),
    delete: (digest: string) => void deleting.run({ ...profile, digest }),
    discard: (digest: string, expiringBefore: number) =>
      discarding.run({ digest, expiringBefore }).changes,
    deleteExpired: (now: number) => expiring.run({ now }).changes,
    /** Empties the write-ahead log, in which deleted pictures still are. */
    scrub: () => void database.run("PRAGMA wal_checkpoint(TRUNCATE)"),
    close: () => database.close(),
  };
}

function prepare(database: Database, file: string): void {
  if (file !== ":memory:") chmodSync(file, OWNER_ONLY);
  database.run("PRAGMA busy_timeout = 1000");
  database.run("PRAGMA journal_mode = WAL");
  // A picture lost in a power cut is classified at its next upload.
  database.run("PRAGMA synchronous = NORMAL");
  database.run("PRAGMA secure_delete = ON");
  database.run(SCHEMA);
}

type NewPicture = {
  digest: string;
  fingerprint: string;
  pictureHash: string;
  expiresAt: number;
  bytes: number;
  jpeg: Uint8Array;
};

const OWNER_ONLY = 0o600;
