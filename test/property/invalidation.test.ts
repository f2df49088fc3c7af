import { expect, test } from "bun:test";
import * as fc from "fast-check";
import type { ImageHash } from "../../src/classification/identity.ts";
import { VOID_MS } from "../../src/classification/ports/invalidations.ts";
import type { CacheMatch, StoredResult } from "../../src/classification/result.ts";
import { createMemoryTier } from "../../src/storage/memory-tier.ts";
import { callerOf, newDigest, newResult } from "../support/results.ts";

const START = 1_800_000_000_000;
const MAX_READ_MS = VOID_MS - 1;
const ann = callerOf("ann");

const kind = fc.constantFrom("digest", "shared_alias", "own_alias", "fingerprint");
const step = fc.oneof(
  fc.record({ do: fc.constant("make" as const), provisional: fc.boolean() }),
  fc.record({ do: fc.constant("replace" as const) }),
  fc.record({ do: fc.constant("purge" as const) }),
  fc.record({ do: fc.constant("dispute" as const) }),
  fc.record({ do: fc.constant("begin read" as const), kind }),
  fc.record({ do: fc.constant("end read" as const), read: fc.nat(9) }),
  fc.record({ do: fc.constant("wait" as const), ms: fc.nat(20_000) }),
);

test("no order of slow reads, invalidations and new results serves what was invalidated", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
      let now = START;
      const memory = createMemoryTier({ maxEntries: 50, maxBytes: 1e6, clock: () => now });
      const photo = newResult();
      const alias = newDigest();
      const names: Record<CacheMatch["kind"], ImageHash> = {
        digest: photo.digest,
        fingerprint: photo.fingerprint,
        shared_alias: alias,
        own_alias: alias,
      };
      /** What the database has, and since when which is void. */
      let stored: StoredResult | null = null;
      let voidBefore = 0;
      let sharedSince = START;
      const reads: { match: CacheMatch; begunAt: number }[] = [];

      for (const next of steps) {
        // Nothing is made, read and purged within one instant.
        now++;
        switch (next.do) {
          case "make":
            stored = { ...photo, provisional: next.provisional, createdAt: now };
            memory.remember({ hash: photo.digest, kind: "digest", result: stored }, ann);
            expect(memory.get(photo.digest, ann)?.result.createdAt).toBeGreaterThanOrEqual(
              voidBefore,
            );
            break;
          case "replace":
            if (!stored?.provisional) break;
            stored = { ...photo, createdAt: now };
            memory.invalidate({ kind: "replaced", digest: photo.digest, before: now });
            voidBefore = now;
            break;
          case "purge":
            stored = null;
            memory.invalidate({ kind: "purged", digest: photo.digest, before: now });
            voidBefore = now;
            break;
          case "dispute":
            memory.invalidate({ kind: "alias_disputed", digest: alias, before: now });
            sharedSince = now;
            break;
          case "begin read": {
            const match = stored && { hash: names[next.kind], kind: next.kind, result: stored };
            if (match) reads.push({ match, begunAt: now });
            break;
          }
          case "end read": {
            const [read] = reads.splice(next.read, 1);
            if (!read || now - read.begunAt > MAX_READ_MS) break;
            memory.remember(read.match, ann);
            const isDisputed = read.match.kind === "shared_alias" && read.begunAt < sharedSince;
            if (isDisputed) expect(memory.get(alias, callerOf("bob"))).toBeNull();
            break;
          }
          case "wait":
            now += next.ms;
        }
        for (const hash of Object.values(names)) {
          const served = memory.get(hash, ann)?.result;
          if (served) expect(served.createdAt).toBeGreaterThanOrEqual(voidBefore);
        }
      }
    }),
    { numRuns: 2_000 },
  );
});
