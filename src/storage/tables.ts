import { type Column, type SQL, sql, type Table } from "drizzle-orm";
import type { StoredResult } from "../classification/result.ts";

type ResultColumns = Record<keyof StoredResult, Column>;

/** What statements written once need of either dialect's schema. */
export interface StoreTables {
  results: Table & ResultColumns & Record<"hits", Column>;
  aliases: Table &
    Record<"profileId" | "alias" | "leaderDigest" | "leaderPictureHash" | "supporters", Column>;
  aliasClaims: Table &
    Record<"profileId" | "alias" | "caller" | "digest" | "pictureHash" | "claimedAt", Column>;
}

/** The columns of a StoredResult, in the order in which they are selected and read. */
export function resultColumns({ results }: StoreTables): ResultColumns {
  return {
    profileId: results.profileId,
    digest: results.digest,
    fingerprint: results.fingerprint,
    pictureHash: results.pictureHash,
    category: results.category,
    confidence: results.confidence,
    description: results.description,
    method: results.method,
    provider: results.provider,
    model: results.model,
    localInference: results.localInference,
    inputTokens: results.inputTokens,
    outputTokens: results.outputTokens,
    costMicros: results.costMicros,
    provisional: results.provisional,
    createdAt: results.createdAt,
    expiresAt: results.expiresAt,
  };
}

export function columnList(columns: Record<string, Column>): SQL {
  return sql.join(
    Object.values(columns).map((column) => sql`${column}`),
    sql`, `,
  );
}

/** A result that has not expired at `now`, a value or a placeholder. */
export function isUnexpired({ results }: StoreTables, now: unknown): SQL {
  return sql`(${results.expiresAt} is null or ${results.expiresAt} > ${now})`;
}

/** Rows of one insert: under twenty columns each, far below the parameter limits of both dialects. */
export const ROWS_PER_STATEMENT = 200;
