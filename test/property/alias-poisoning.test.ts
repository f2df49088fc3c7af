import { expect, test } from "bun:test";
import * as fc from "fast-check";
import type { Digest } from "../../src/classification/identity.ts";
import { identify } from "../../src/classification/identity.ts";
import {
  A_WHILE_MS,
  ALIASES,
  callerOf,
  categoryOf,
  newDigest,
  openDomain,
  photo,
} from "../support/domain.ts";

/** For many runs on a busy machine. */
const TIMEOUT_MS = 30_000;
const CALLERS = 3;
const FAMILIES = 2;
const COPIES = 3;
/** A hash that is nobody's digest, and the true digest of a photo that may be uploaded too. */
const HASHES = [newDigest(), identify(photo(0, 0)).digest];

const caller = fc.nat(CALLERS - 1);
const hash = fc.nat(HASHES.length - 1);
const step = fc.oneof(
  fc.record({
    kind: fc.constant("upload" as const),
    caller,
    family: fc.nat(FAMILIES - 1),
    copy: fc.nat(COPIES - 1),
    claimed: fc.option(hash, { freq: 8 }),
  }),
  fc.record({ kind: fc.constant("ask" as const), caller, hash }),
  fc.record({ kind: fc.constant("evict" as const) }),
);

/**
 * What an alias may answer, told simply: families of pictures stand for "looks alike". Knows nothing
 * of digests, leaders and distances. More contradictions than needed would do no harm, so it takes
 * the domain's word for them, except where one is due.
 */
class AliasModel {
  /** Of every caller the newest claim. */
  #claims = new Map<number, { family: number; epoch: number }>();
  #epoch = 0;
  #shared: number | null = null;

  claim(caller: number, family: number, contradicted: boolean): void {
    if (this.#shared !== null && this.#shared !== family) expect(contradicted).toBe(true);
    if (contradicted) {
      this.#epoch++;
      this.#shared = null;
    }
    this.#claims.set(caller, { family, epoch: this.#epoch });
    const agreeing = [...this.#claims.values()].filter(
      (claim) => claim.family === family && claim.epoch === this.#epoch,
    );
    if (agreeing.length >= ALIASES.quorum) this.#shared = family;
  }

  /** Families whose result this caller may be answered with. */
  mayAnswer(caller: number): number[] {
    const own = this.#claims.get(caller)?.family;
    return [this.#shared, own].filter((family) => typeof family === "number");
  }
}

test(
  "a claim reaches other callers only while a quorum agrees on the picture",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
        await using domain = await openDomain();
        const models = new Map<Digest, AliasModel>(HASHES.map((hash) => [hash, new AliasModel()]));
        /** Family of each photo that was answered for itself. */
        const known = new Map<Digest, number>();
        const evicted = new Set<Digest>();
        const contradictions = () => domain.notes.of("claim contradicts");
        const claims = () =>
          domain.notes.of("claim first") + domain.notes.of("claim corroborates") + contradictions();

        for (const next of steps) {
          domain.time.now += A_WHILE_MS;
          if (next.kind === "evict") {
            domain.memory.clear();
            for (const hash of HASHES) evicted.add(hash);
            continue;
          }
          const who = callerOf(`caller ${next.caller}`);
          if (next.kind === "upload") {
            const { family, copy } = next;
            const bytes = photo(family, copy);
            const before = { claims: claims(), contradictions: contradictions() };
            const claimed = next.claimed === null ? null : HASHES[next.claimed]!;
            const { classification, source } = await domain.upload(bytes, who, claimed);
            expect(classification.category).toBe(categoryOf(family));
            if (source !== "alias") {
              known.set(identify(bytes).digest, family);
              evicted.delete(identify(bytes).digest);
            }
            if (claims() > before.claims) {
              const contradicted = contradictions() > before.contradictions;
              models.get(claimed!)!.claim(next.caller, family, contradicted);
            }
            continue;
          }
          const asked = HASHES[next.hash]!;
          const { match } = await domain.ask(asked, who);
          const truth = known.get(asked);
          const claimed = models.get(asked)!.mayAnswer(next.caller);
          // A photo's own result comes before every claim, except while memory knows only the claim.
          const allowed =
            truth === undefined ? claimed : evicted.has(asked) ? [truth, ...claimed] : [truth];
          if (allowed.length === 0) expect(match).toBeNull();
          else expect(allowed.map(categoryOf)).toContain(match?.result.category ?? "a miss");
        }
      }),
      { numRuns: 100 },
    );
  },
  TIMEOUT_MS,
);

test(
  "one attacker, however busy, changes nothing for the others",
  async () => {
    const attack = fc.array(
      fc.record({ family: fc.nat(FAMILIES - 1), copy: fc.nat(COPIES - 1), claimed: hash }),
      { maxLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(attack, hash, async (uploads, victim) => {
        await using domain = await openDomain();
        for (const { family, copy, claimed } of uploads) {
          domain.time.now += A_WHILE_MS;
          await domain.upload(photo(family, copy), callerOf("eve"), HASHES[claimed]!);
        }
        const asked = HASHES[victim]!;
        const { match } = await domain.ask(asked, callerOf("ann"));
        // What the attacker uploaded truly, under its own digest, may be answered.
        expect(match === null || match.result.digest === asked).toBe(true);
      }),
      { numRuns: 50 },
    );
  },
  TIMEOUT_MS,
);
