import { looksAlike, type AliasPolicy, type CallerId } from "./alias.ts";
import {
  type AnsweredClassification,
  openExamination,
  type Examination,
  type ExaminationDeps,
  type StageDurations,
} from "./examination.ts";
import type { Digest, Identify, ImageHash, ImageIdentity } from "./identity.ts";
import { isFingerprint } from "./identity.ts";
import { toServedResult } from "./keeping.ts";
import type { Tier } from "./lookup.ts";
import type { PictureHash } from "./picture-hash.ts";
import type { SaveOutcome } from "./ports/result-sink.ts";
import type { GuardedStore } from "./ports/result-store.ts";
import type { CacheMatch, StoredResult } from "./result.ts";
import { SingleFlight } from "./single-flight.ts";

export interface Upload {
  bytes: Uint8Array;
  /** The hash that the app says this photo has. */
  claimedHash: ImageHash | null;
  caller: CallerId;
}

/** How an upload was answered: by a tier, by a photo that looks alike under the same alias, or by a model. */
export interface UploadAnswer {
  digest: Digest;
  classification: AnsweredClassification;
  source: Tier | "alias" | "model";
  /** Whether another caller's examination of the same photo was shared. */
  collapsed: boolean;
  /** What became of a model's answer; null when nothing new was to be kept. */
  saved: SaveOutcome | null;
  durations: StageDurations;
}

export interface ClassifyUploadDeps extends ExaminationDeps {
  identify: Identify;
  store: Pick<GuardedStore, "findClaimed">;
  /** null: `ALIAS_TRUST=verified`, claims are ignored. */
  aliases: AliasPolicy | null;
}

/** Answers an upload; rejects with an AppError when it is no picture or no model can answer. */
export type ClassifyUpload = (upload: Upload) => Promise<UploadAnswer>;

/** Newest claims of an alias that an upload is compared with. */
const MAX_COMPARED_CLAIMS = 32;

export function createClassifyUpload(deps: ClassifyUploadDeps): ClassifyUpload {
  const { lookup, memory, aliases, keeping, clock } = deps;
  const examinations = new SingleFlight<Digest, Examination>();

  return async function classifyUpload(upload) {
    const identity = deps.identify(upload.bytes);
    const { digest } = identity;
    const rejection = deps.rejections.get(digest);
    if (rejection) throw rejection;
    // Nothing may be awaited between this look at the memory tier and joining the examination.
    const known = lookup.findForEveryone(digest);
    if (known?.match && known.tier && isProven(known.match, identity)) {
      return answerKnown(upload, known.match.result, known.tier);
    }
    return examinations.join(
      digest,
      () => openExamination(upload.bytes, identity, deps),
      (examination, isFirst) => examine(upload, identity, examination, !isFirst),
    );
  };

  async function examine(
    upload: Upload,
    identity: ImageIdentity,
    examination: Examination,
    collapsed: boolean,
  ): Promise<UploadAnswer> {
    const found = await examination.lookUp();
    if (found) return answerKnown(upload, found.result, found.tier);

    const alias = aliasOf(upload, identity.digest);
    if (alias) {
      const pictureHash = await examination.pictureHash();
      const alike = await findAlike(alias, pictureHash);
      if (alike) {
        await claim(alias, upload.caller, alike, pictureHash);
        return { ...unsaved(alike), source: "alias", collapsed: false };
      }
    }
    const answer = await examination.classify();
    const { durations } = answer;
    if ("tier" in answer) {
      return { ...(await answerKnown(upload, answer.result, answer.tier)), durations };
    }
    const { classification, kept } = answer;
    if (alias && kept) await claim(alias, upload.caller, kept.result, kept.result.pictureHash);
    const saved = collapsed ? null : (kept?.outcome ?? null);
    return {
      digest: identity.digest,
      // As it is kept: only that knows whether it is provisional.
      classification: kept?.result ?? classification,
      source: "model",
      collapsed,
      saved,
      durations,
    };
  }

  async function answerKnown(upload: Upload, result: StoredResult, tier: Tier) {
    const alias = aliasOf(upload, result.digest);
    if (alias) {
      const agreed = memory.get(alias, upload.caller);
      if (agreed?.result.digest !== result.digest) {
        await claim(alias, upload.caller, result, result.pictureHash);
      }
    }
    return { ...unsaved(result), source: tier, collapsed: false };
  }

  /** The result of a photo that looks like this one and was uploaded under the same alias. */
  async function findAlike(alias: Digest, hash: PictureHash): Promise<StoredResult | null> {
    if (!aliases) return null;
    const now = clock();
    const query = { profileId: keeping.profileId, alias, limit: MAX_COMPARED_CLAIMS, now };
    const outcome = await deps.store.findClaimed(query);
    if (!outcome.ok) return null;
    for (const { pictureHash, result } of outcome.value) {
      const served = toServedResult(result, keeping, now);
      if (served && looksAlike(pictureHash, hash, aliases)) return served;
    }
    return null;
  }

  async function claim(
    alias: Digest,
    caller: CallerId,
    result: StoredResult,
    pictureHash: PictureHash,
  ): Promise<void> {
    const { profileId, digest } = result;
    const claimedAt = clock();
    memory.remember({ hash: alias, kind: "own_alias", result }, caller);
    const verdict = await deps.sink.recordClaim({
      profileId,
      alias,
      caller,
      digest,
      pictureHash,
      claimedAt,
    });
    if (verdict === null) return;
    deps.telemetry.claimed(verdict);
    if (verdict === "contradicts")
      memory.invalidate({ kind: "alias_disputed", digest: alias, before: claimedAt });
  }

  function aliasOf({ claimedHash }: Upload, digest: Digest): Digest | null {
    if (!aliases || !claimedHash || isFingerprint(claimedHash) || claimedHash === digest)
      return null;
    return claimedHash as Digest;
  }
}

/**
 * Only a result of the very same bytes is proof. The tiers also answer this hash as an alias, which
 * anybody may have claimed.
 */
function isProven(match: CacheMatch, { digest }: ImageIdentity): boolean {
  return match.kind === "digest" && match.result.digest === digest;
}

function unsaved(result: StoredResult) {
  return { digest: result.digest, classification: result, saved: null, durations: {} } as const;
}
