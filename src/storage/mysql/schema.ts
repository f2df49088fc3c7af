import {
  bigint,
  boolean,
  customType,
  double,
  index,
  int,
  mysqlTable,
  primaryKey,
  smallint,
} from "drizzle-orm/mysql-core";
import type { CallerId } from "../../classification/alias.ts";
import type { Digest, Fingerprint } from "../../classification/identity.ts";
import type { Invalidation } from "../../classification/ports/invalidations.ts";
import type { PictureHash } from "../../classification/picture-hash.ts";
import type { RequestRecord } from "../../classification/ports/recorder.ts";
import type { ClassificationMethod, LocalInference } from "../../classification/result.ts";
import { decodeHex, decodeUnsigned, encodeDigest, encodeUnsigned } from "../codecs.ts";

/** Drizzle's own `binary` column maps to strings, which are not bytes. */
const digest = customType<{ data: Digest; driverData: Uint8Array }>({
  dataType: () => "binary(32)",
  toDriver: encodeDigest,
  fromDriver: decodeHex,
});

const fingerprint = customType<{ data: Fingerprint; driverData: string | number }>({
  dataType: () => "bigint unsigned",
  toDriver: encodeUnsigned,
  fromDriver: decodeUnsigned,
});

const pictureHash = customType<{ data: PictureHash; driverData: string | number }>({
  dataType: () => "bigint unsigned",
  toDriver: encodeUnsigned,
  fromDriver: decodeUnsigned,
});

// Character set and collation are named per column: a database's default may be latin1 or ignore case.
const TEXT_BYTES = "character set utf8mb4 collate utf8mb4_bin";

const word = customType<{ data: string; config: { length: number }; configRequired: true }>({
  dataType: ({ length }) => `varchar(${length}) ${TEXT_BYTES}`,
});

const longText = customType<{ data: string }>({ dataType: () => `mediumtext ${TEXT_BYTES}` });

/** Text, not JSON: that type is text on MariaDB and a parsed value on MySQL. */
const localInference = customType<{ data: LocalInference; driverData: string }>({
  dataType: () => `mediumtext ${TEXT_BYTES}`,
  toDriver: (value) => JSON.stringify(value),
  fromDriver: (value) => JSON.parse(value) as LocalInference,
});

/** Milliseconds since the epoch: no time zone of the session or the server touches them. */
const time = (name: string) => bigint(name, { mode: "number" });

export const results = mysqlTable(
  "results",
  {
    profileId: word("profile_id", { length: 64 }).notNull(),
    digest: digest("digest").notNull(),
    fingerprint: fingerprint("fingerprint").notNull(),
    pictureHash: pictureHash("picture_hash").notNull(),
    category: word("category", { length: 255 }).notNull(),
    confidence: double("confidence").notNull(),
    description: longText("description").notNull(),
    method: word("method", { length: 32 }).$type<ClassificationMethod>().notNull(),
    provider: word("provider", { length: 255 }),
    model: word("model", { length: 255 }).notNull(),
    localInference: localInference("local_inference"),
    inputTokens: int("input_tokens"),
    outputTokens: int("output_tokens"),
    costMicros: bigint("cost_micros", { mode: "number" }).notNull().default(0),
    provisional: boolean("provisional").notNull(),
    createdAt: time("created_at").notNull(),
    expiresAt: time("expires_at"),
    hits: bigint("hits", { mode: "number" }).notNull().default(0),
    lastHitAt: time("last_hit_at"),
  },
  (table) => [
    primaryKey({ columns: [table.profileId, table.digest] }),
    index("results_fingerprint").on(table.fingerprint),
    index("results_hottest").on(table.profileId, table.hits),
    index("results_expiry").on(table.expiresAt),
  ],
);

export const aliases = mysqlTable(
  "aliases",
  {
    profileId: word("profile_id", { length: 64 }).notNull(),
    alias: digest("alias").notNull(),
    epoch: int("epoch").notNull(),
    contradictions: int("contradictions").notNull(),
    leaderDigest: digest("leader_digest").notNull(),
    leaderPictureHash: pictureHash("leader_picture_hash").notNull(),
    supporters: int("supporters").notNull(),
    updatedAt: time("updated_at").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.profileId, table.alias] }),
    index("aliases_leader").on(table.leaderDigest),
  ],
);

export const aliasClaims = mysqlTable(
  "alias_claims",
  {
    profileId: word("profile_id", { length: 64 }).notNull(),
    alias: digest("alias").notNull(),
    caller: word("caller", { length: 64 }).$type<CallerId>().notNull(),
    digest: digest("digest").notNull(),
    pictureHash: pictureHash("picture_hash").notNull(),
    epoch: int("epoch").notNull(),
    claimedAt: time("claimed_at").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.profileId, table.alias, table.caller] }),
    index("alias_claims_digest").on(table.digest),
  ],
);

export const requestLog = mysqlTable(
  "request_log",
  {
    id: bigint("id", { mode: "number" }).primaryKey().autoincrement(),
    requestId: word("request_id", { length: 128 }).notNull(),
    at: time("at").notNull(),
    operation: word("operation", { length: 32 }).$type<RequestRecord["operation"]>().notNull(),
    userId: word("user_id", { length: 128 }),
    ip: word("ip", { length: 64 }),
    imageCount: int("image_count").notNull(),
    cachedCount: int("cached_count").notNull(),
    failedCount: int("failed_count").notNull(),
    status: smallint("status").notNull(),
    durationMs: double("duration_ms").notNull(),
    method: word("method", { length: 32 }).$type<RequestRecord["method"]>(),
    category: word("category", { length: 255 }),
    digest: digest("digest"),
    provider: word("provider", { length: 255 }),
    model: word("model", { length: 255 }),
    inputTokens: int("input_tokens"),
    outputTokens: int("output_tokens"),
    costMicros: bigint("cost_micros", { mode: "number" }).notNull().default(0),
  },
  (table) => [index("request_log_at").on(table.at)],
);

/** What language models cost, one row per day of the budget's time zone. */
export const spending = mysqlTable("spending", {
  day: word("day", { length: 10 }).primaryKey(),
  calls: bigint("calls", { mode: "number" }).notNull(),
  costMicros: bigint("cost_micros", { mode: "number" }).notNull(),
});

/** Who works on what just now, over all processes. Times by the database's clock. */
export const leases = mysqlTable("leases", {
  name: word("name", { length: 128 }).primaryKey(),
  owner: word("owner", { length: 64 }).notNull(),
  expiresAt: time("expires_at").notNull(),
});

/** What processes must no longer serve, in the order in which it was announced. */
export const invalidations = mysqlTable(
  "invalidations",
  {
    id: bigint("id", { mode: "number" }).primaryKey().autoincrement(),
    kind: word("kind", { length: 16 }).$type<Invalidation["kind"]>().notNull(),
    digest: digest("digest").notNull(),
    before: time("made_before").notNull(),
  },
  (table) => [index("invalidations_made_before").on(table.before)],
);

/**
 * One row that the primary renews: how far behind a replica is, and whether it is a replica of this
 * database at all.
 */
export const heartbeat = mysqlTable("heartbeat", {
  id: smallint("id").primaryKey(),
  /** Made once, at random: no other database has the same. */
  identity: word("identity", { length: 36 }).notNull(),
  /** By the primary's clock. */
  beatAt: time("beat_at").notNull(),
});
