import {
  customType,
  index,
  integer,
  primaryKey,
  real,
  sqliteTable,
  text,
} from "drizzle-orm/sqlite-core";
import type { CallerId } from "../../classification/alias.ts";
import type { Digest, Fingerprint } from "../../classification/identity.ts";
import type { Invalidation } from "../../classification/ports/invalidations.ts";
import type { PictureHash } from "../../classification/picture-hash.ts";
import type { RequestRecord } from "../../classification/ports/recorder.ts";
import type { ClassificationMethod, LocalInference } from "../../classification/result.ts";
import { decodeHex, encodeDigest, encodeWord } from "../codecs.ts";

const digest = customType<{ data: Digest; driverData: Uint8Array }>({
  dataType: () => "blob",
  toDriver: encodeDigest,
  fromDriver: decodeHex,
});

/** A blob: as a signed integer, half of all values would read back as unsafe numbers. */
const fingerprint = customType<{ data: Fingerprint; driverData: Uint8Array }>({
  dataType: () => "blob",
  toDriver: encodeWord,
  fromDriver: decodeHex,
});

const pictureHash = customType<{ data: PictureHash; driverData: Uint8Array }>({
  dataType: () => "blob",
  toDriver: encodeWord,
  fromDriver: decodeHex,
});

export const results = sqliteTable(
  "results",
  {
    profileId: text("profile_id").notNull(),
    digest: digest("digest").notNull(),
    fingerprint: fingerprint("fingerprint").notNull(),
    pictureHash: pictureHash("picture_hash").notNull(),
    category: text("category").notNull(),
    confidence: real("confidence").notNull(),
    description: text("description").notNull(),
    method: text("method").$type<ClassificationMethod>().notNull(),
    provider: text("provider"),
    model: text("model").notNull(),
    localInference: text("local_inference", { mode: "json" }).$type<LocalInference>(),
    inputTokens: integer("input_tokens"),
    outputTokens: integer("output_tokens"),
    costMicros: integer("cost_micros").notNull().default(0),
    provisional: integer("provisional", { mode: "boolean" }).notNull(),
    createdAt: integer("created_at").notNull(),
    expiresAt: integer("expires_at"),
    hits: integer("hits").notNull().default(0),
    lastHitAt: integer("last_hit_at"),
  },
  (table) => [
    primaryKey({ columns: [table.profileId, table.digest] }),
    index("results_fingerprint").on(table.fingerprint),
    index("results_hottest").on(table.profileId, table.hits),
    index("results_expiry").on(table.expiresAt),
  ],
);

export const aliases = sqliteTable(
  "aliases",
  {
    profileId: text("profile_id").notNull(),
    alias: digest("alias").notNull(),
    epoch: integer("epoch").notNull(),
    contradictions: integer("contradictions").notNull(),
    leaderDigest: digest("leader_digest").notNull(),
    leaderPictureHash: pictureHash("leader_picture_hash").notNull(),
    supporters: integer("supporters").notNull(),
    updatedAt: integer("updated_at").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.profileId, table.alias] }),
    index("aliases_leader").on(table.leaderDigest),
  ],
);

export const aliasClaims = sqliteTable(
  "alias_claims",
  {
    profileId: text("profile_id").notNull(),
    alias: digest("alias").notNull(),
    caller: text("caller").$type<CallerId>().notNull(),
    digest: digest("digest").notNull(),
    pictureHash: pictureHash("picture_hash").notNull(),
    epoch: integer("epoch").notNull(),
    claimedAt: integer("claimed_at").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.profileId, table.alias, table.caller] }),
    index("alias_claims_digest").on(table.digest),
  ],
);

export const requestLog = sqliteTable(
  "request_log",
  {
    id: integer("id").primaryKey({ autoIncrement: true }),
    requestId: text("request_id").notNull(),
    at: integer("at").notNull(),
    operation: text("operation").$type<RequestRecord["operation"]>().notNull(),
    userId: text("user_id"),
    ip: text("ip"),
    imageCount: integer("image_count").notNull(),
    cachedCount: integer("cached_count").notNull(),
    failedCount: integer("failed_count").notNull(),
    status: integer("status").notNull(),
    durationMs: real("duration_ms").notNull(),
    method: text("method").$type<RequestRecord["method"]>(),
    category: text("category"),
    digest: digest("digest"),
    provider: text("provider"),
    model: text("model"),
    inputTokens: integer("input_tokens"),
    outputTokens: integer("output_tokens"),
    costMicros: integer("cost_micros").notNull().default(0),
  },
  (table) => [index("request_log_at").on(table.at)],
);

/** What language models cost, one row per day of the budget's time zone. */
export const spending = sqliteTable("spending", {
  day: text("day").primaryKey(),
  calls: integer("calls").notNull(),
  costMicros: integer("cost_micros").notNull(),
});

/** Who works on what just now, over all processes. Times by the database's clock. */
export const leases = sqliteTable("leases", {
  name: text("name").primaryKey(),
  owner: text("owner").notNull(),
  expiresAt: integer("expires_at").notNull(),
});

/** What processes must no longer serve, in the order in which it was announced. */
export const invalidations = sqliteTable(
  "invalidations",
  {
    id: integer("id").primaryKey({ autoIncrement: true }),
    kind: text("kind").$type<Invalidation["kind"]>().notNull(),
    digest: digest("digest").notNull(),
    before: integer("made_before").notNull(),
  },
  (table) => [index("invalidations_made_before").on(table.before)],
);
