import type { AliasClaim, ClaimVerdict } from "../alias.ts";
import type { StoredResult } from "../result.ts";

/** Writes what must not be lost: to the database, or to a journal until the database is back. */
export interface ResultSink {
  saveResult(result: StoredResult): Promise<SaveOutcome>;
  /** Resolves to null when the verdict must wait until the database is back. */
  recordClaim(claim: AliasClaim): Promise<ClaimVerdict | null>;
}

export type SaveOutcome = "stored" | "journaled" | "lost";
