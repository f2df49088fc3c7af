import { describe, expect, test } from "bun:test";
import { NOBODY } from "../../src/classification/alias.ts";
import type { Digest, ImageHash } from "../../src/classification/identity.ts";
import type { PictureHash } from "../../src/classification/picture-hash.ts";
import type { StoredResult } from "../../src/classification/result.ts";
import { callerOf, newDigest, newResult as resultOf } from "../support/results.ts";
import type { OpenedStore } from "./result-store.ts";

const NOW = 1_800_000_000_000;
const POLICY = { quorum: 2, maxDistance: 6 };
const BRIGHT = "ffffffffffffffff" as PictureHash;

let minted = 0;
const newCaller = () => callerOf(`caller ${minted++}`);
const newProfile = () => `purge-${process.pid}-${minted++}`;
const newResult = (profileId: string, changes: Partial<StoredResult> = {}) =>
  resultOf({ profileId, createdAt: NOW, ...changes });

/** What every store must do when a photo is purged, whatever the dialect. */
export function describePhotoPurge(open: () => OpenedStore["store"]): void {
  const findOne = async (profileId: string, hash: ImageHash, caller = NOBODY) => {
    const query = { profileId, hashes: [hash], caller, quorum: 2, now: NOW, fresh: true };
    return (await open().find(query)).get(hash);
  };
  const lastId = () => open().invalidations.lastId(Number.MAX_SAFE_INTEGER);

  async function claim(alias: Digest, result: StoredResult, caller = newCaller()) {
    await open().saveResults([result]);
    const { profileId, digest, pictureHash } = result;
    const made = { profileId, alias, caller, digest, pictureHash, claimedAt: NOW };
    return open().recordClaim(made, POLICY);
  }

  describe("purgePhoto", () => {
    test("deletes the photo's results of all profiles with its claims and aliases, and announces it", async () => {
      const [profile, other] = [newProfile(), newProfile()];
      const caller = newCaller();
      const photo = newResult(profile);
      const elsewhere = { ...photo, profileId: other };
      const [alias, otherAlias] = [newDigest(), newDigest()];
      const bystander = newResult(profile);
      await claim(alias, photo, caller);
      await claim(alias, photo);
      await claim(alias, elsewhere);
      await claim(otherAlias, bystander, caller);
      const before = await lastId();

      const purged = await open().purgePhoto(photo.digest, NOW + 5);
      const invalidation = { kind: "purged", digest: photo.digest, before: NOW + 5 } as const;
      expect(purged).toEqual({ results: 2, claims: 3, aliases: 2, invalidations: [invalidation] });
      expect(await open().invalidations.read(before, 10)).toMatchObject([invalidation]);
      for (const profileId of [profile, other]) {
        for (const hash of [photo.digest, photo.fingerprint, alias])
          expect(await findOne(profileId, hash, caller)).toBeUndefined();
      }
      expect(await findOne(profile, otherAlias, caller)).toMatchObject({ result: bystander });
      expect(await claim(alias, newResult(profile))).toBe("first");
    });

    test("of an alias takes the photos that it stands for", async () => {
      const profile = newProfile();
      const [alias, photo, other] = [newDigest(), newResult(profile), newResult(profile)];
      await claim(alias, photo);
      await claim(alias, other);
      const { invalidations, ...count } = await open().purgePhoto(alias, NOW + 5);
      expect(count).toEqual({ results: 2, claims: 2, aliases: 1 });
      const purged = [alias, photo.digest, other.digest].map((digest) => `purged ${digest}`);
      expect(invalidations.map(({ kind, digest }) => `${kind} ${digest}`).toSorted()).toEqual(
        [...purged, `alias_disputed ${alias}`].toSorted(),
      );
      expect(await findOne(profile, photo.digest)).toBeUndefined();
      expect(await claim(alias, newResult(profile))).toBe("first");
    });

    test("announces a photo that the database does not know: others may have it elsewhere", async () => {
      const digest = newDigest();
      const before = await lastId();
      const purged = await open().purgePhoto(digest, NOW);
      expect(purged).toMatchObject({ results: 0, claims: 0, aliases: 0 });
      expect(await open().invalidations.read(before, 10)).toMatchObject([
        { kind: "purged", digest, before: NOW },
      ]);
    });

    test("leaves an alias that others claim to them, until a quorum agrees anew", async () => {
      const profile = newProfile();
      const alias = newDigest();
      const [leader, alike] = [newResult(profile), newResult(profile)];
      const caller = newCaller();
      await claim(alias, leader);
      await claim(alias, leader);
      await claim(alias, alike, caller);
      await open().purgePhoto(leader.digest, NOW + 5);
      await open().saveResults([{ ...leader, createdAt: NOW + 5 }]);
      expect(await findOne(profile, alias)).toBeUndefined();
      expect(await findOne(profile, alias, caller)).toMatchObject({ result: alike });
      expect(await claim(alias, { ...alike, createdAt: NOW })).toBe("corroborates");
      expect(await findOne(profile, alias)).toBeDefined();
      expect(await claim(alias, newResult(profile, { pictureHash: BRIGHT }))).toBe("contradicts");
    });

    test("keeps what was made before from being saved later, and nothing else", async () => {
      const profile = newProfile();
      const [photo, other] = [newResult(profile), newResult(profile)];
      await open().purgePhoto(photo.digest, NOW + 5);
      const final = { ...photo, category: "pets", createdAt: NOW + 5 };
      await open().saveResults([photo, other, { ...photo, createdAt: NOW + 4 }]);
      expect(await findOne(profile, photo.digest)).toBeUndefined();
      expect(await findOne(profile, other.digest)).toBeDefined();
      await open().saveResults([final]);
      await open().saveResults([photo]);
      expect(await findOne(profile, photo.digest)).toMatchObject({ result: final });
    });

    test("takes results of a clock that is ahead, but not of one that is out of order", async () => {
      const profile = newProfile();
      const ahead = newResult(profile, { createdAt: NOW + 30_000 });
      const broken = newResult(profile, { createdAt: NOW + 3_600_000 });
      await open().saveResults([ahead, broken]);
      const purge = async ({ digest }: StoredResult) => {
        const { results, invalidations } = await open().purgePhoto(digest, NOW);
        return [results, invalidations[0]!.before - NOW];
      };
      expect(await purge(ahead)).toEqual([1, 30_001]);
      expect(await purge(broken)).toEqual([0, 60_000]);
    });

    test("no save of what was made before survives a purge at the same time", async () => {
      const profile = newProfile();
      for (let round = 0; round < 20; round++) {
        const photo = newResult(profile);
        const alias = newDigest();
        const saves = Array.from({ length: 6 }, () => open().saveResults([photo]));
        const claims = Array.from({ length: 3 }, () => claim(alias, photo));
        const purge = open().purgePhoto(photo.digest, NOW + 1);
        await Promise.all([...saves, ...claims, purge, open().saveResults([photo])]);
        expect(await findOne(profile, photo.digest)).toBeUndefined();
      }
    });
  });
}
