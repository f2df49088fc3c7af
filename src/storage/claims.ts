import {
  type AliasClaim,
  type AliasPolicy,
  type AliasStanding,
  type CallerId,
  isShared,
  type RecordedClaim,
  weighClaim,
  type WeighedClaim,
} from "../classification/alias.ts";
import type { Invalidation } from "../classification/ports/invalidations.ts";

/** Claims kept of one alias, the newest: a popular or a contested alias must not grow for ever. */
export const MAX_CLAIMS_PER_ALIAS = 64;

/** Supporters of a row that was inserted only to be locked: every real standing has at least one. */
export const UNDECIDED = 0;

/** What a store read of an alias under its lock. */
export interface LockedAlias {
  standing: AliasStanding;
  leaderAnswers: boolean;
  /** Newest first. */
  claims: readonly RecordedClaim[];
}

export interface ClaimDecision extends WeighedClaim {
  /** Callers whose claims make room for the new one. */
  evicted: CallerId[];
}

export function decideClaim(
  locked: LockedAlias,
  claim: AliasClaim,
  policy: AliasPolicy,
): ClaimDecision {
  const known = locked.standing.supporters === UNDECIDED ? null : locked;
  const others = locked.claims.filter(({ caller }) => caller !== claim.caller);
  const evicted = others.slice(MAX_CLAIMS_PER_ALIAS - 1).map(({ caller }) => caller);
  return { ...weighClaim(known, claim, policy), evicted };
}

/** A row that holds the place of an alias's standing until its first claim is weighed. */
export function undecidedAlias(claim: AliasClaim) {
  return {
    profileId: claim.profileId,
    alias: claim.alias,
    epoch: 0,
    contradictions: 0,
    leaderDigest: claim.digest,
    leaderPictureHash: claim.pictureHash,
    supporters: UNDECIDED,
    updatedAt: claim.claimedAt,
  };
}

/** Whether the alias answered everyone and does not any more, so that other processes must hear of it. */
export function endsAlias(
  { verdict }: ClaimDecision,
  { standing }: LockedAlias,
  policy: AliasPolicy,
): boolean {
  return verdict === "contradicts" && isShared(standing, policy);
}

/** A claim out of the journal was made long before it ends anything. */
export function disputed({ alias, claimedAt }: AliasClaim, now: number): Invalidation {
  return { kind: "alias_disputed", digest: alias, before: Math.max(claimedAt, now) };
}
