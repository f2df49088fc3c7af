import type { Digest } from "./identity.ts";
import { hammingDistance, type PictureHash } from "./picture-hash.ts";

/** Who makes or asks about a claim: a one-way hash of API key, or of user id and address; 32 hex characters. */
export type CallerId = string & { readonly __brand: "CallerId" };
/** Asks for what answers everyone: a caller without claims. */
export const NOBODY = "" as CallerId;
/** A claimed hash, 64 lower-case hex characters. */
export type Alias = Digest;

/** One caller says that the picture answered by `digest` is the one named `alias`. */
export interface AliasClaim {
  /** Claims belong to a profile, as the results they point to do. */
  profileId: string;
  alias: Alias;
  caller: CallerId;
  /** Digest of the result that answered this caller's upload. */
  digest: Digest;
  /** Of the uploaded picture itself. */
  pictureHash: PictureHash;
  /** Milliseconds since the epoch. */
  claimedAt: number;
}

/**
 * What is agreed about an alias. Callers vote within an epoch; a contradiction opens the next one.
 * The leader answers everyone while it has at least a quorum of supporters in the current epoch.
 */
export interface AliasStanding {
  epoch: number;
  contradictions: number;
  leaderDigest: Digest;
  leaderPictureHash: PictureHash;
  supporters: number;
}

/** A recorded claim; at most one per (profile, alias, caller), the caller's newest. */
export interface RecordedClaim {
  caller: CallerId;
  pictureHash: PictureHash;
  epoch: number;
}

/** What a store knows of an alias when a claim comes in. */
export interface KnownAlias {
  standing: AliasStanding;
  /** Whether the leader's result is still there and has not expired. */
  leaderAnswers: boolean;
  claims: readonly RecordedClaim[];
}

export interface AliasPolicy {
  /** Distinct callers that must agree before an alias answers everyone. */
  quorum: number;
  /** Largest Hamming distance of two difference hashes that still look alike, in bits. */
  maxDistance: number;
}

export type ClaimVerdict = "first" | "corroborates" | "contradicts";

export interface WeighedClaim {
  verdict: ClaimVerdict;
  /** To be written in place of the old standing; the claim is recorded under `standing.epoch`. */
  standing: AliasStanding;
}

export function looksAlike(a: PictureHash, b: PictureHash, policy: AliasPolicy): boolean {
  return hammingDistance(a, b) <= policy.maxDistance;
}

export function isShared(standing: AliasStanding, policy: AliasPolicy): boolean {
  return standing.supporters >= policy.quorum;
}

/**
 * Weighs a new claim against what is known of its alias. Pure, so that a store can run it between
 * its read and its write inside one transaction.
 *
 * A claim contradicts when it is unlike the shared picture or, while none is shared, unlike every
 * recorded one. A leader keeps its digest and picture hash while its result lasts: otherwise a chain
 * of pictures, each alike its neighbour, could walk an alias away from what the quorum saw.
 */
export function weighClaim(
  known: KnownAlias | null,
  claim: AliasClaim,
  policy: AliasPolicy,
): WeighedClaim {
  if (known === null) return { verdict: "first", standing: openEpoch(0, 0, claim) };

  const { standing, claims } = known;
  const isLikeLeader = looksAlike(standing.leaderPictureHash, claim.pictureHash, policy);
  const isLikeAny =
    isLikeLeader ||
    claims.some((other) => looksAlike(other.pictureHash, claim.pictureHash, policy));
  if (isShared(standing, policy) ? !isLikeLeader : !isLikeAny) {
    const next = openEpoch(standing.epoch + 1, standing.contradictions + 1, claim);
    return { verdict: "contradicts", standing: next };
  }

  const reference = isLikeLeader ? standing.leaderPictureHash : claim.pictureHash;
  const supporters = countSupporters(reference, known, claim.caller, policy);
  if (isLikeLeader) {
    const leaderDigest = known.leaderAnswers ? standing.leaderDigest : claim.digest;
    return { verdict: "corroborates", standing: { ...standing, leaderDigest, supporters } };
  }
  if (supporters <= standing.supporters) return { verdict: "corroborates", standing };
  const leader = { leaderDigest: claim.digest, leaderPictureHash: claim.pictureHash, supporters };
  return { verdict: "corroborates", standing: { ...standing, ...leader } };
}

/** Distinct callers whose claim of the current epoch looks like `reference`, the new one included. */
function countSupporters(
  reference: PictureHash,
  { standing, claims }: KnownAlias,
  newCaller: CallerId,
  policy: AliasPolicy,
): number {
  const supporters = new Set<CallerId>([newCaller]);
  for (const { caller, pictureHash, epoch } of claims) {
    if (epoch === standing.epoch && looksAlike(pictureHash, reference, policy))
      supporters.add(caller);
  }
  return supporters.size;
}

function openEpoch(epoch: number, contradictions: number, claim: AliasClaim): AliasStanding {
  return {
    epoch,
    contradictions,
    leaderDigest: claim.digest,
    leaderPictureHash: claim.pictureHash,
    supporters: 1,
  };
}
