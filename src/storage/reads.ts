import type { SQL } from "drizzle-orm";
import type { ResultStore } from "../classification/ports/result-store.ts";
import type { StoredResult } from "../classification/result.ts";
import { claimedStatement, collectClaimed, hottestStatement } from "./claimed-statement.ts";
import { encodeDigest } from "./codecs.ts";
import { createFind } from "./find.ts";
import type { FingerprintSlot } from "./find-statement.ts";
import { createRowReader } from "./row-reader.ts";
import { resultColumns, type StoreTables } from "./tables.ts";

/** Runs a statement with values for its placeholders; resolves to positional rows of driver values. */
export type PreparedRead = (values: Record<string, unknown>) => Promise<unknown[][]>;

/** What reading needs of a dialect. */
export interface ReadDialect {
  tables: StoreTables;
  prepare(statement: SQL): PreparedRead;
  encodeFingerprint(hex: string): unknown;
  fingerprintSlot: FingerprintSlot;
}

/** The reading half of a store. */
export type Reads = Pick<ResultStore, "find" | "findClaimed" | "findHottest">;

/** Written once for both dialects. */
export function createReads(dialect: ReadDialect): Reads {
  const { tables } = dialect;
  const find = createFind(dialect);
  const readResult = createRowReader<StoredResult>(resultColumns(tables));
  let readClaimed: PreparedRead | undefined;

  return {
    find,

    async findClaimed({ profileId: profile, alias, limit, now }) {
      readClaimed ??= dialect.prepare(claimedStatement(tables));
      const rows = await readClaimed({ profile, alias: encodeDigest(alias), now });
      return collectClaimed(rows, tables, readResult, limit);
    },

    async findHottest(profile, limit, now) {
      const rows = await dialect.prepare(hottestStatement(tables, limit))({ profile, now });
      return rows.map((row) => readResult(row, 0));
    },
  };
}
