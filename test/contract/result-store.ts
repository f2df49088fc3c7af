import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type AliasClaim, type CallerId, NOBODY } from "../../src/classification/alias.ts";
import { type Digest, type ImageHash, identify } from "../../src/classification/identity.ts";
import type { PictureHash } from "../../src/classification/picture-hash.ts";
import type { InvalidationLog } from "../../src/classification/ports/invalidations.ts";
import type { RequestRecord } from "../../src/classification/ports/recorder.ts";
import type { FindQuery, ResultStore } from "../../src/classification/ports/result-store.ts";
import type { StoredResult } from "../../src/classification/result.ts";
import type { SpendingLedger } from "../../src/classification/spending.ts";
import { describeInvalidations } from "./invalidations.ts";
import { describePhotoPurge } from "./photo-purge.ts";
import { describeSpending } from "./spending.ts";

export interface OpenedStore {
  store: ResultStore & {
    spending: SpendingLedger;
    invalidations: InvalidationLog;
    migrate(): Promise<void>;
  };
  /** Ends the store and what it needed. */
  close(): Promise<void>;
}

const NOW = 1_800_000_000_000;
const POLICY = { quorum: 2, maxDistance: 6 };
const DARK = "0000000000000000" as PictureHash;
const NEARLY_DARK = "0000000000000003" as PictureHash;
const BRIGHT = "ffffffffffffffff" as PictureHash;

let minted = 0;
const mint = (prefix: string) => `${prefix}-${process.pid}-${minted++}`;
const newProfile = () => Bun.SHA256.hash(mint("profile"), "hex").slice(0, 12);
const newDigest = () => Bun.SHA256.hash(mint("picture"), "hex") as Digest;
const newCaller = () => Bun.SHA256.hash(mint("caller"), "hex").slice(0, 32) as CallerId;

function newResult(profileId: string, changes: Partial<StoredResult> = {}): StoredResult {
  return {
    ...identify(Buffer.from(mint("picture"))),
    profileId,
    pictureHash: DARK,
    category: "foods",
    confidence: 0.92,
    description: "A bowl of noodles",
    method: "llm",
    provider: "openai",
    model: "gpt",
    localInference: null,
    inputTokens: 850,
    outputTokens: 40,
    costMicros: 1_234,
    provisional: false,
    createdAt: NOW,
    expiresAt: null,
    ...changes,
  };
}

/** What every ResultStore must do, whatever the dialect; `fresh`: as it is asked to find. */
export function describeResultStore(
  dialect: string,
  open: () => Promise<OpenedStore>,
  fresh = true,
): void {
  describe(`${dialect} result store`, () => {
    let store: OpenedStore["store"];
    let close: OpenedStore["close"] | undefined;
    beforeAll(async () => {
      ({ store, close } = await open());
      await store.migrate();
    });
    afterAll(() => close?.());

    const find = (profileId: string, hashes: ImageHash[], changes: Partial<FindQuery> = {}) =>
      store.find({ profileId, hashes, caller: NOBODY, quorum: 2, now: NOW, fresh, ...changes });
    const findOne = async (profileId: string, hash: ImageHash, changes?: Partial<FindQuery>) =>
      (await find(profileId, [hash], changes)).get(hash);

    /** Saves a result and claims `alias` for it. */
    async function claim(alias: Digest, result: StoredResult, changes: Partial<AliasClaim> = {}) {
      await store.saveResults([result]);
      const { profileId, digest, pictureHash } = result;
      const made = { profileId, alias, caller: newCaller(), digest, pictureHash, claimedAt: NOW };
      return store.recordClaim({ ...made, ...changes }, POLICY);
    }

    describe("find", () => {
      test("answers a digest with the whole result", async () => {
        const profile = newProfile();
        const result = newResult(profile, {
          description: "一碗面 🍜 – très bon 👩‍👩‍👧",
          method: "local_fallback",
          provider: null,
          inputTokens: null,
          outputTokens: null,
          costMicros: 0,
          localInference: { model: "m", version: "1", probabilities: { foods: 0.9, 宠物: 0.1 } },
          provisional: true,
          expiresAt: NOW + 1,
          pictureHash: BRIGHT,
          confidence: 0.1 + 0.2,
        });
        await store.saveResults([result]);
        const match = await findOne(profile, result.digest);
        expect(match).toEqual({ hash: result.digest, kind: "digest", result });
      });

      test("answers a hundred hashes of every kind, duplicates and unknown ones included", async () => {
        const profile = newProfile();
        const results = Array.from({ length: 40 }, () => newResult(profile));
        await store.saveResults(results);
        const known = results.flatMap(({ digest, fingerprint }) => [digest, fingerprint]);
        const hashes = [...known, ...known.slice(0, 10), ...Array.from({ length: 10 }, newDigest)];
        expect(hashes).toHaveLength(100);
        const found = await find(profile, hashes);
        expect(found.size).toBe(80);
        for (const result of results) {
          expect(found.get(result.digest)).toMatchObject({ kind: "digest", result });
          expect(found.get(result.fingerprint)).toMatchObject({ kind: "fingerprint", result });
        }
      });

      test.each([0, 2, 11, 250])("answers %i digests", async (count) => {
        const profile = newProfile();
        const results = Array.from({ length: count }, () => newResult(profile));
        await store.saveResults(results);
        const digests = results.map(({ digest }) => digest);
        expect([...(await find(profile, digests)).keys()].toSorted()).toEqual(digests.toSorted());
      });

      test("leaves out results of other profiles and results that have expired", async () => {
        const profile = newProfile();
        const other = newResult(newProfile());
        const expired = newResult(profile, { expiresAt: NOW });
        const lasting = newResult(profile, { expiresAt: NOW + 1 });
        await store.saveResults([other, expired, lasting]);
        const found = await find(profile, [other.digest, expired.digest, lasting.digest]);
        expect([...found.keys()]).toEqual([lasting.digest]);
        expect(await findOne(profile, expired.fingerprint)).toBeUndefined();
      });

      test.each([
        "0000000000000000",
        "0000000000000001",
        "7fffffffffffffff",
        "8000000000000000",
        "fffffffffffffffe",
        "ffffffffffffffff",
        "0020000000000001",
      ])("keeps every bit of fingerprint and picture hash %s", async (word) => {
        const profile = newProfile();
        const fingerprint = word as StoredResult["fingerprint"];
        const result = newResult(profile, { fingerprint, pictureHash: word as PictureHash });
        await store.saveResults([result]);
        expect((await findOne(profile, fingerprint))?.result).toEqual(result);
      });

      test("answers a fingerprint only while one digest has it, over all profiles", async () => {
        const profile = newProfile();
        const elsewhere = newProfile();
        const result = newResult(profile);
        await store.saveResults([result, { ...result, profileId: elsewhere }]);
        expect(await findOne(profile, result.fingerprint)).toMatchObject({ kind: "fingerprint" });

        const { fingerprint } = result;
        await store.saveResults([newResult(elsewhere, { fingerprint, expiresAt: NOW - 1 })]);
        expect(await findOne(profile, fingerprint)).toBeUndefined();
        expect(await findOne(profile, result.digest)).toBeDefined();
      });

      test("prefers the digest, then the shared alias, then the caller's own claim", async () => {
        const profile = newProfile();
        const caller = newCaller();
        const [alias, shared, own] = [newDigest(), newResult(profile), newResult(profile)];
        await claim(alias, own, { caller, pictureHash: NEARLY_DARK });
        expect(await findOne(profile, alias, { caller })).toMatchObject({ kind: "own_alias" });
        await claim(alias, shared);
        expect(await findOne(profile, alias, { caller })).toMatchObject({ kind: "shared_alias" });
        await store.saveResults([newResult(profile, { digest: alias })]);
        expect(await findOne(profile, alias, { caller })).toMatchObject({ kind: "digest" });
      });

      test("answers aliases beside digests in one batch", async () => {
        const profile = newProfile();
        const caller = newCaller();
        const result = newResult(profile);
        const aliases = Array.from({ length: 20 }, newDigest);
        for (const alias of aliases) await claim(alias, result, { caller });
        const found = await find(profile, [...aliases, result.digest], { caller });
        expect(found.size).toBe(21);
        expect(found.get(aliases[7]!)).toMatchObject({ kind: "own_alias", result });
      });

      test("ignores aliases and claims without a quorum to ask for", async () => {
        const profile = newProfile();
        const caller = newCaller();
        const [alias, result] = [newDigest(), newResult(profile)];
        await claim(alias, result, { caller });
        await claim(alias, result);
        expect(await findOne(profile, alias, { caller, quorum: null })).toBeUndefined();
      });

      test("refuses a hash of the wrong length", async () => {
        const short = "abc" as ImageHash;
        await expect(find(newProfile(), [short])).rejects.toThrow("64 hex characters");
      });
    });

    describe("saveResults", () => {
      test("replaces by profile and digest", async () => {
        const first = newResult(newProfile());
        const second = { ...first, category: "pets", createdAt: NOW + 1, expiresAt: NOW + 9 };
        await store.saveResults([first]);
        await store.saveResults([second]);
        expect((await findOne(first.profileId, first.digest))?.result).toEqual(second);
      });

      test("never replaces a result by a provisional one", async () => {
        const wanted = newResult(newProfile(), { category: "pets" });
        const provisional = {
          ...wanted,
          provisional: true,
          category: "other",
          method: "local_fallback" as const,
          localInference: { model: "m", version: "1", probabilities: {} },
          expiresAt: NOW + 1,
        };
        const kept = async () => (await findOne(wanted.profileId, wanted.digest))?.result;
        await store.saveResults([provisional]);
        expect(await kept()).toEqual(provisional);
        await store.saveResults([{ ...provisional, category: "foods" }]);
        expect((await kept())?.category).toBe("foods");
        await store.saveResults([wanted]);
        await store.saveResults([provisional]);
        expect(await kept()).toEqual(wanted);
      });

      test("keeps hits, and takes the same digest twice in a batch", async () => {
        const profile = newProfile();
        const [popular, quiet] = [newResult(profile), newResult(profile)];
        await store.saveResults([quiet, popular, popular]);
        await store.addHits([hit(popular, 3), hit(quiet, 1)]);
        await store.saveResults([popular]);
        await store.addHits([hit(quiet, 1)]);
        const hottest = await store.findHottest(profile, 10, NOW);
        expect(hottest).toEqual([popular, quiet]);
      });

      test("takes an empty batch", async () => {
        await store.saveResults([]);
        await store.addHits([]);
        await store.appendRequests([]);
      });
    });

    describe("addHits and findHottest", () => {
      test("adds up hits of one result, ignores those of unknown ones, and honours the limit", async () => {
        const profile = newProfile();
        const results = Array.from({ length: 5 }, () => newResult(profile));
        const expired = newResult(profile, { expiresAt: NOW });
        await store.saveResults([...results, expired]);
        const hits = results.flatMap((result, index) => [hit(result, index), hit(result, index)]);
        await store.addHits([...hits, hit(expired, 99), hit(newResult(profile), 7)]);
        const hottest = await store.findHottest(profile, 3, NOW);
        expect(hottest).toEqual(results.toReversed().slice(0, 3));
      });

      test("counts every hit of concurrent writers", async () => {
        const profile = newProfile();
        const [a, b] = [newResult(profile), newResult(profile)];
        await store.saveResults([a, b]);
        const writers = Array.from({ length: 20 }, (_, index) =>
          store.addHits(index % 2 ? [hit(a, 2), hit(b, 1)] : [hit(b, 1), hit(a, 2)]),
        );
        await Promise.all(writers);
        await store.addHits([hit(b, 19)]);
        expect(await store.findHottest(profile, 2, NOW)).toEqual([a, b]);
        await store.addHits([hit(b, 2)]);
        expect(await store.findHottest(profile, 2, NOW)).toEqual([b, a]);
      });
    });

    describe("recordClaim", () => {
      test("shares an alias once enough callers agree", async () => {
        const profile = newProfile();
        const [alias, result] = [newDigest(), newResult(profile)];
        const caller = newCaller();
        expect(await claim(alias, result, { caller })).toBe("first");
        expect(await claim(alias, result, { caller })).toBe("corroborates");
        expect(await findOne(profile, alias)).toBeUndefined();
        expect(await claim(alias, result, { pictureHash: NEARLY_DARK })).toBe("corroborates");
        expect(await findOne(profile, alias)).toMatchObject({ kind: "shared_alias", result });
      });

      test("stops sharing a contradicted alias until callers agree again", async () => {
        const profile = newProfile();
        const alias = newDigest();
        const dark = newResult(profile);
        const bright = newResult(profile, { pictureHash: BRIGHT });
        const liar = newCaller();
        await claim(alias, dark);
        await claim(alias, dark);
        const lastId = await store.invalidations.lastId(Number.MAX_SAFE_INTEGER);
        expect(await claim(alias, bright, { caller: liar })).toBe("contradicts");
        expect(await store.invalidations.read(lastId, 10)).toMatchObject([
          { kind: "alias_disputed", digest: alias },
        ]);
        expect(await findOne(profile, alias)).toBeUndefined();
        expect(await findOne(profile, alias, { caller: liar })).toMatchObject({ result: bright });
        expect(await claim(alias, dark)).toBe("corroborates");
        expect(await claim(alias, dark)).toBe("corroborates");
        expect(await findOne(profile, alias)).toMatchObject({ kind: "shared_alias", result: dark });
      });

      test("announces no contradiction of what answered nobody", async () => {
        const profile = newProfile();
        const alias = newDigest();
        const lastId = await store.invalidations.lastId(Number.MAX_SAFE_INTEGER);
        await claim(alias, newResult(profile));
        const bright = newResult(profile, { pictureHash: BRIGHT });
        expect(await claim(alias, bright)).toBe("contradicts");
        expect(await store.invalidations.read(lastId, 10)).toEqual([]);
      });

      test("lets a new result lead when the leader's has expired", async () => {
        const profile = newProfile();
        const alias = newDigest();
        const [old, fresh] = [newResult(profile, { expiresAt: NOW }), newResult(profile)];
        await claim(alias, old, { claimedAt: NOW - 10 });
        await claim(alias, fresh);
        expect(await findOne(profile, alias)).toMatchObject({ result: fresh });
      });

      test("counts twenty callers who claim at once", async () => {
        const profile = newProfile();
        const [alias, result] = [newDigest(), newResult(profile)];
        await store.saveResults([result]);
        const verdicts = await Promise.all(Array.from({ length: 20 }, () => claim(alias, result)));
        expect(verdicts.toSorted()).toEqual([...Array(19).fill("corroborates"), "first"]);
        expect(await findOne(profile, alias, { quorum: 20 })).toBeDefined();
        expect(await findOne(profile, alias, { quorum: 21 })).toBeUndefined();
      });

      test("keeps the newest claims of an alias and forgets the rest", async () => {
        const profile = newProfile();
        const [alias, result] = [newDigest(), newResult(profile)];
        const callers = Array.from({ length: 70 }, newCaller);
        for (const [index, caller] of callers.entries())
          await claim(alias, result, { caller, claimedAt: NOW + index });
        const answers = await Promise.all(
          callers.map((caller) => findOne(profile, alias, { caller, quorum: 1_000 })),
        );
        expect(answers.map(Boolean)).toEqual([...Array(6).fill(false), ...Array(64).fill(true)]);
      });
    });

    describe("findClaimed", () => {
      test("gives the leader's result first, then the newest", async () => {
        const profile = newProfile();
        const alias = newDigest();
        const results = [BRIGHT, DARK, DARK, "00000000ffffffff" as PictureHash].map((pictureHash) =>
          newResult(profile, { pictureHash }),
        );
        for (const [index, result] of results.entries())
          await claim(alias, result, { claimedAt: NOW + index });
        const query = { profileId: profile, alias, now: NOW };
        const claimed = await store.findClaimed({ ...query, limit: 10 });
        expect(claimed).toHaveLength(4);
        const leader = claimed[0]!.result;
        const rest = results.toReversed().filter(({ digest }) => digest !== leader.digest);
        expect(claimed.map(({ result }) => result)).toEqual([leader, ...rest]);
        expect(claimed.map(({ pictureHash }) => pictureHash)).toEqual(
          [leader, ...rest].map(({ pictureHash }) => pictureHash),
        );
        expect(await store.findClaimed({ ...query, limit: 2 })).toEqual(claimed.slice(0, 2));
      });

      test("leaves out expired results and knows nothing of other aliases", async () => {
        const profile = newProfile();
        const alias = newDigest();
        await claim(alias, newResult(profile, { expiresAt: NOW }));
        const query = { profileId: profile, limit: 10, now: NOW };
        expect(await store.findClaimed({ ...query, alias })).toEqual([]);
        expect(await store.findClaimed({ ...query, alias: newDigest() })).toEqual([]);
      });
    });

    describe("purge", () => {
      const late = NOW + 1_000_000;
      /** Until nothing is left to purge, so that other tests' rows do not count here. */
      const purgeAll = async () => {
        for (;;) {
          const count = await store.purge({ now: late, requestsBefore: late, limit: 50 });
          for (const deleted of Object.values(count)) expect(deleted).toBeLessThanOrEqual(50);
          if (count.results + count.claims + count.requests === 0) return;
        }
      };

      test("deletes expired results with their claims, and no others", async () => {
        const profile = newProfile();
        const [expiring, lasting] = [
          newResult(profile, { expiresAt: NOW + 5 }),
          newResult(profile),
        ];
        const [gone, kept] = [newDigest(), newDigest()];
        const caller = newCaller();
        await purgeAll();
        await claim(gone, expiring, { caller });
        await claim(kept, lasting, { caller });
        const query = { now: late, requestsBefore: NOW, limit: 1_000 };
        expect(await store.purge(query)).toMatchObject({ results: 1, claims: 1 });
        expect(await findOne(profile, kept, { caller })).toMatchObject({ result: lasting });
        expect(await claim(gone, lasting)).toBe("first");
        expect(await claim(kept, lasting)).toBe("corroborates");
      });

      test("deletes bounded batches of old request lines", async () => {
        await purgeAll();
        const requests = Array.from({ length: 5 }, (_, index) => newRequest({ at: NOW + index }));
        await store.appendRequests(requests);
        const query = { now: 0, requestsBefore: NOW + 4, limit: 3 };
        expect(await store.purge(query)).toEqual({ results: 0, claims: 0, requests: 3 });
        expect(await store.purge(query)).toEqual({ results: 0, claims: 0, requests: 1 });
        expect(await store.purge(query)).toEqual({ results: 0, claims: 0, requests: 0 });
      });
    });

    describeSpending(() => store.spending);
    describeInvalidations(() => store.invalidations);
    describePhotoPurge(() => store);

    test("takes request lines with nothing in them and with too much", async () => {
      const long = "🍜".repeat(500);
      await store.appendRequests([
        newRequest({ userId: null, ip: null, method: null, category: null, digest: null }),
        newRequest({ provider: null, model: null, inputTokens: null, outputTokens: null }),
        newRequest({
          provider: long,
          model: long,
          userId: long,
          ip: long,
          requestId: long,
          category: long,
        }),
        ...Array.from({ length: 450 }, () => newRequest()),
      ]);
    });

    test("answers a ping and can be migrated again", async () => {
      await store.ping();
      await store.migrate();
    });
  });
}

function hit({ profileId, digest }: StoredResult, count: number) {
  return { profileId, digest, count, lastHitAt: NOW };
}

function newRequest(changes: Partial<RequestRecord> = {}): RequestRecord {
  return {
    requestId: mint("req"),
    at: NOW,
    operation: "classify",
    userId: "device-1",
    ip: "2001:db8::1",
    imageCount: 1,
    cachedCount: 1,
    failedCount: 0,
    status: 200,
    durationMs: 1.25,
    method: "cache",
    category: "foods",
    digest: newDigest(),
    provider: "openai",
    model: "gpt",
    inputTokens: 850,
    outputTokens: 40,
    costMicros: 1_234,
    ...changes,
  };
}
