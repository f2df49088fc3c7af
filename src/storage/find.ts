import { type CallerId, NOBODY } from "../classification/alias.ts";
import { type Digest, type ImageHash, isFingerprint } from "../classification/identity.ts";
import type { ResultStore } from "../classification/ports/result-store.ts";
import type { CacheMatch, MatchKind, StoredResult } from "../classification/result.ts";
import { chunked } from "./chunked.ts";
import { encodeDigest } from "./codecs.ts";
import {
  ALL_AT_ONCE,
  DIGEST,
  DIGESTS_FIRST,
  FINGERPRINT,
  findStatement,
  KINDS,
  MAX_HASHES,
  OWN_ALIAS,
  paddedSize,
  SHARED_ALIAS,
  slotName,
} from "./find-statement.ts";
import type { PreparedRead, ReadDialect } from "./reads.ts";
import { createRowReader } from "./row-reader.ts";
import { resultColumns } from "./tables.ts";

type Found = Map<ImageHash, CacheMatch>;

/** Looks hashes up with the dialect's statements, each prepared when it is first needed. */
export function createFind(dialect: ReadDialect): ResultStore["find"] {
  const { tables } = dialect;
  const readResult = createRowReader<StoredResult>(resultColumns(tables));
  const prepared = new Map<number, PreparedRead>();

  /** Sets of kinds and sizes are few, so the statements are; one number tells them apart. */
  function statementFor(kinds: number, digests: number, fingerprints: number): PreparedRead {
    const key = kinds + 16 * digests + 2_048 * fingerprints;
    let read = prepared.get(key);
    if (!read) {
      const shape = {
        kinds: KINDS.filter((_, rank) => kinds & (1 << rank)),
        digests,
        fingerprints,
      };
      read = dialect.prepare(findStatement(tables, shape, dialect.fingerprintSlot));
      prepared.set(key, read);
    }
    return read;
  }

  function collect(rows: unknown[][], found: Found): void {
    for (const row of rows) {
      const rank = Number(row[0]);
      const kind = KINDS[rank]!;
      const result = readResult(row, 2);
      const hash = askedHash(kind, row[1], result);
      const known = found.get(hash);
      if (known === undefined || rank < KINDS.indexOf(known.kind))
        found.set(hash, { hash, kind, result });
    }
  }

  function askedHash(kind: MatchKind, asked: unknown, result: StoredResult): ImageHash {
    if (kind === "digest") return result.digest;
    if (kind === "fingerprint") return result.fingerprint;
    return tables.aliases.alias.mapFromDriverValue(asked) as Digest;
  }

  return async (query) => {
    const { profileId: profile, hashes, caller, quorum, now } = query;
    const found: Found = new Map();
    const stages = hashes.length === 1 ? DIGESTS_FIRST : ALL_AT_ONCE;
    for (const part of partsOf(hashes)) {
      for (const stage of stages) {
        const digests: Buffer[] = [];
        const fingerprints: unknown[] = [];
        for (const hash of part) {
          if (found.has(hash)) continue;
          if (isFingerprint(hash)) fingerprints.push(dialect.encodeFingerprint(hash));
          else digests.push(encodeDigest(hash));
        }
        const kinds =
          stage &
          ((digests.length > 0 ? kindsAsked(quorum, caller) : 0) |
            (fingerprints.length > 0 ? FINGERPRINT : 0));
        if (kinds === 0) continue;
        const digestSlots = paddedSize(digests.length);
        const fingerprintSlots = paddedSize(fingerprints.length);
        const values: Record<string, unknown> = { profile, now, caller, quorum };
        fill(values, "digest", digestSlots, digests);
        fill(values, "fingerprint", fingerprintSlots, fingerprints);
        collect(await statementFor(kinds, digestSlots, fingerprintSlots)(values), found);
      }
    }
    return found;
  };
}

function partsOf(hashes: readonly ImageHash[]): Iterable<readonly ImageHash[]> {
  return hashes.length === 1 ? [hashes] : chunked([...new Set(hashes)], MAX_HASHES);
}

function kindsAsked(quorum: number | null, caller: CallerId): number {
  if (quorum === null) return DIGEST;
  return caller === NOBODY ? DIGEST | SHARED_ALIAS : DIGEST | SHARED_ALIAS | OWN_ALIAS;
}

/** Fills a list's slots, the spare ones with a repetition. */
function fill(
  values: Record<string, unknown>,
  list: "digest" | "fingerprint",
  size: number,
  encoded: readonly unknown[],
): void {
  if (encoded.length === 0) return;
  for (let slot = 0; slot < size; slot++)
    values[slotName(list, slot)] = encoded[slot] ?? encoded[0];
}
