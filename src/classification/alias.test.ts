import { describe, expect, test } from "bun:test";
import { callerOf, newDigest } from "../../test/support/results.ts";
import {
  type AliasClaim,
  type AliasPolicy,
  isShared,
  type KnownAlias,
  type RecordedClaim,
  weighClaim,
  type WeighedClaim,
} from "./alias.ts";
import type { PictureHash } from "./picture-hash.ts";

const DARK = "0000000000000000" as PictureHash;
const BRIGHT = "ffffffffffffffff" as PictureHash;
const STRIPED = "0f0f0f0f0f0f0f0f" as PictureHash;
/** Differs from DARK in so many bits. */
const dark = (bits: number) =>
  (2n ** BigInt(bits) - 1n).toString(16).padStart(16, "0") as PictureHash;
const QUORUM_2: AliasPolicy = { quorum: 2, maxDistance: 6 };

/** Weighs claims one after the other and keeps them as a store does: each caller's newest. */
function openAlias(policy = QUORUM_2) {
  const alias = newDigest();
  const claims = new Map<string, RecordedClaim>();
  let known: KnownAlias | null = null;
  let leaderAnswers = true;
  return {
    claim(name: string, pictureHash: PictureHash, digest = newDigest()): WeighedClaim {
      const caller = callerOf(name);
      const claim: AliasClaim = {
        profileId: "p",
        alias,
        caller,
        digest,
        pictureHash,
        claimedAt: 0,
      };
      const weighed = weighClaim(known, claim, policy);
      claims.set(name, { caller, pictureHash, epoch: weighed.standing.epoch });
      known = { standing: weighed.standing, leaderAnswers, claims: [...claims.values()] };
      return weighed;
    },
    loseLeader() {
      leaderAnswers = false;
      known = { ...known!, leaderAnswers };
    },
  };
}

describe("a claim", () => {
  test("is the first of its alias, and alone shares nothing", () => {
    const digest = newDigest();
    const { verdict, standing } = openAlias().claim("ann", DARK, digest);
    expect(verdict).toBe("first");
    const opened = { epoch: 0, contradictions: 0, leaderDigest: digest, supporters: 1 };
    expect(standing).toEqual({ ...opened, leaderPictureHash: DARK });
    expect(isShared(standing, QUORUM_2)).toBe(false);
  });

  test("of a second caller whose picture looks alike corroborates, and the first stays the leader", () => {
    const alias = openAlias();
    const first = newDigest();
    alias.claim("ann", DARK, first);
    const { verdict, standing } = alias.claim("ben", dark(6));
    expect(verdict).toBe("corroborates");
    expect(standing).toMatchObject({ supporters: 2, leaderDigest: first, leaderPictureHash: DARK });
    expect(isShared(standing, QUORUM_2)).toBe(true);
  });

  test("that differs in one bit too many contradicts", () => {
    const alias = openAlias();
    alias.claim("ann", DARK);
    expect(alias.claim("ben", dark(7)).verdict).toBe("contradicts");
  });

  test("made again by the same caller adds no supporter, however often", () => {
    const alias = openAlias();
    for (let round = 0; round < 5; round++) alias.claim("ann", dark(round));
    expect(alias.claim("ann", DARK).standing.supporters).toBe(1);
  });

  test("with a quorum of one is shared at once", () => {
    const alone = { quorum: 1, maxDistance: 6 };
    expect(isShared(openAlias(alone).claim("ann", DARK).standing, alone)).toBe(true);
  });

  test("with a quorum of three is shared by the third caller", () => {
    const three = { quorum: 3, maxDistance: 6 };
    const alias = openAlias(three);
    alias.claim("ann", DARK);
    expect(isShared(alias.claim("ben", DARK).standing, three)).toBe(false);
    expect(isShared(alias.claim("cem", DARK).standing, three)).toBe(true);
  });
});

describe("a contradiction", () => {
  test("ends the sharing, is counted, and opens an epoch for the other picture", () => {
    const alias = openAlias();
    alias.claim("ann", DARK);
    alias.claim("ben", DARK);
    const digest = newDigest();
    const { verdict, standing } = alias.claim("eve", BRIGHT, digest);
    expect(verdict).toBe("contradicts");
    const leader = { leaderDigest: digest, leaderPictureHash: BRIGHT };
    expect(standing).toEqual({ epoch: 1, contradictions: 1, supporters: 1, ...leader });
  });

  test("by a supporter of the shared picture counts too", () => {
    const alias = openAlias();
    alias.claim("ann", DARK);
    alias.claim("ben", DARK);
    expect(alias.claim("ben", BRIGHT).verdict).toBe("contradicts");
  });

  test("is healed when the quorum agrees again on the first picture", () => {
    const alias = openAlias();
    for (const name of ["ann", "ben"]) alias.claim(name, DARK);
    alias.claim("eve", BRIGHT);
    const once = alias.claim("cem", DARK);
    expect(once.verdict).toBe("corroborates");
    expect(isShared(once.standing, QUORUM_2)).toBe(false);
    const digest = newDigest();
    const twice = alias.claim("dee", dark(1), digest);
    expect(twice.standing).toMatchObject({ supporters: 2, leaderDigest: digest, epoch: 1 });
    expect(isShared(twice.standing, QUORUM_2)).toBe(true);
  });

  test("is healed when the quorum agrees on the second picture", () => {
    const alias = openAlias();
    for (const name of ["ann", "ben"]) alias.claim(name, DARK);
    alias.claim("eve", BRIGHT);
    expect(isShared(alias.claim("fay", BRIGHT).standing, QUORUM_2)).toBe(true);
  });

  test("makes votes of earlier epochs count no more", () => {
    const alias = openAlias();
    for (const name of ["ann", "ben", "cem"]) alias.claim(name, DARK);
    alias.claim("eve", BRIGHT);
    expect(isShared(alias.claim("ann", DARK).standing, QUORUM_2)).toBe(false);
  });

  test("by a third picture needs to be unlike every recorded one while none is shared", () => {
    const alias = openAlias();
    alias.claim("ann", DARK);
    alias.claim("eve", BRIGHT);
    expect(alias.claim("ben", DARK).verdict).toBe("corroborates");
    const { verdict, standing } = alias.claim("fay", STRIPED);
    expect(verdict).toBe("contradicts");
    expect(standing).toMatchObject({ epoch: 2, contradictions: 2 });
  });

  test("is any unlike picture while one is shared, even one that was claimed before", () => {
    const alias = openAlias();
    alias.claim("eve", BRIGHT);
    alias.claim("ann", DARK);
    expect(isShared(alias.claim("ben", DARK).standing, QUORUM_2)).toBe(true);
    expect(alias.claim("fay", BRIGHT).verdict).toBe("contradicts");
  });
});

describe("the leader", () => {
  test("is not moved by a chain of pictures that each look like the one before", () => {
    const alias = openAlias();
    const leaderDigest = newDigest();
    alias.claim("ann", DARK, leaderDigest);
    alias.claim("ben", DARK);
    const leader = { leaderDigest, leaderPictureHash: DARK };
    for (const bits of [2, 4, 6]) {
      expect(alias.claim(`eve ${bits}`, dark(bits)).standing).toMatchObject(leader);
    }
    // Like the last link of the chain, unlike what the quorum saw.
    expect(alias.claim("eve 8", dark(8)).verdict).toBe("contradicts");
  });

  test("is not moved by such a chain when its result is lost on the way", () => {
    const alias = openAlias();
    alias.claim("ann", DARK);
    alias.claim("ben", DARK);
    alias.loseLeader();
    for (const bits of [3, 6]) {
      const { standing } = alias.claim(`eve ${bits}`, dark(bits));
      expect(standing.leaderPictureHash).toBe(DARK);
    }
    expect(alias.claim("eve 9", dark(9)).verdict).toBe("contradicts");
  });

  test("keeps its digest against alike pictures, so that nobody replaces a shared answer", () => {
    const alias = openAlias();
    const leaderDigest = newDigest();
    alias.claim("ann", DARK, leaderDigest);
    for (const name of ["ben", "eve", "fay"]) {
      expect(alias.claim(name, dark(2)).standing).toMatchObject({ leaderDigest });
    }
  });

  test("whose result is gone hands over to an alike picture's, under the old picture hash", () => {
    const alias = openAlias();
    alias.claim("ann", DARK);
    alias.claim("ben", DARK);
    alias.loseLeader();
    const leaderDigest = newDigest();
    const { standing } = alias.claim("cem", dark(4), leaderDigest);
    expect(standing).toMatchObject({ leaderDigest, leaderPictureHash: DARK, supporters: 3 });
  });

  test("stays while another picture has no more supporters than it", () => {
    const alias = openAlias({ quorum: 3, maxDistance: 6 });
    alias.claim("ann", DARK);
    alias.claim("eve", BRIGHT);
    const kept = alias.claim("ben", DARK);
    expect(kept).toMatchObject({ verdict: "corroborates" });
    expect(kept.standing).toMatchObject({ leaderPictureHash: BRIGHT, supporters: 1 });
    const overtaken = alias.claim("cem", DARK);
    expect(overtaken.standing).toMatchObject({ leaderPictureHash: DARK, supporters: 2 });
  });
});
