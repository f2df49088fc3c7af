import { LRUCache } from "lru-cache";
import type { AliasPolicy } from "./classification/alias.ts";
import { createClassify } from "./classification/classify-by-mode.ts";
import {
  type ClassifyUpload,
  type ClassifyUploadDeps,
  createClassifyUpload,
} from "./classification/classify-upload.ts";
import type { KeepingPolicy } from "./classification/keeping.ts";
import type { Leases } from "./classification/ports/leases.ts";
import { createLookup, type Lookup } from "./classification/lookup.ts";
import type { LanguageModel } from "./classification/ports/language-model.ts";
import type { LocalModel } from "./classification/ports/local-model.ts";
import type { Recorder } from "./classification/ports/recorder.ts";
import type { GuardedStore } from "./classification/ports/result-store.ts";
import type { Profile } from "./classification/profile.ts";
import type { SharedTier } from "./classification/ports/shared-tier.ts";
import { createTakeTurn, goAlone } from "./classification/take-turn.ts";
import { hasLanguageModel, type Config } from "./config.ts";
import type { AppError } from "./errors.ts";
import { createIdentify } from "./hashing/create-identify.ts";

const DAY_MS = 86_400_000;
const MAX_REMEMBERED_DIGESTS = 20_000;
const MAX_REJECTIONS = 10_000;
const REJECTION_TTL_MS = 60_000;
/** Of a request's deadline, kept back for the local model, or for a call after another process' took too long. */
const LOCAL_RESERVE = 0.2;

export interface AnsweringDeps extends Pick<
  ClassifyUploadDeps,
  "keeping" | "memory" | "reader" | "sink" | "telemetry" | "upgrades" | "clock"
> {
  profile: Profile;
  store: GuardedStore;
  /** null: none is configured. */
  sharedTier: SharedTier | null;
  leases: Leases;
  recorder: Recorder;
  languageModel: LanguageModel | null;
  localModel: LocalModel | null;
}

/** The two use cases: what is known of a hash, and what is in a photo. */
export function createAnswering(
  config: Config,
  { profile, leases, recorder, languageModel, localModel, ...shared }: AnsweringDeps,
): { lookup: Lookup; classifyUpload: ClassifyUpload } {
  const aliases = config.ALIAS_TRUST === "verified" ? null : aliasPolicy(config);
  const lookup = createLookup({ ...shared, recorder, quorum: aliasQuorum(config) });
  const reserveMs = config.REQUEST_DEADLINE_MS * LOCAL_RESERVE;
  const classify = createClassify({
    mode: config.INFERENCE,
    profile,
    languageModel,
    localModel,
    localReserveMs: reserveMs,
  });
  const takeTurn = createTakeTurn({
    leases,
    lookup,
    profileId: profile.id,
    reserveMs,
    telemetry: shared.telemetry,
    pause: Bun.sleep,
    random: Math.random,
    clock: shared.clock,
  });
  const classifyUpload = createClassifyUpload({
    ...shared,
    identify: createIdentify({ maxRemembered: MAX_REMEMBERED_DIGESTS }),
    lookup,
    classify,
    takeTurn: languageModel ? takeTurn : goAlone,
    thumbnailShape: localModel?.thumbnailShape ?? null,
    rejections: new LRUCache<string, AppError>({ max: MAX_REJECTIONS, ttl: REJECTION_TTL_MS }),
    aliases,
    willEncode: () => config.INFERENCE.startsWith("llm") && (languageModel?.isAvailable() ?? false),
    deadlineMs: config.REQUEST_DEADLINE_MS,
  });
  return { lookup, classifyUpload };
}

/** Supporters an alias needs to answer everyone; null: aliases answer nobody. */
export function aliasQuorum(config: Config): number | null {
  return config.ALIAS_TRUST === "verified" ? null : aliasPolicy(config).quorum;
}

/** When callers' claims about a hash answer others. */
export function aliasPolicy(config: Config): AliasPolicy {
  return {
    quorum: config.ALIAS_TRUST === "shared" ? 1 : config.ALIAS_QUORUM,
    maxDistance: config.ALIAS_MAX_DISTANCE,
  };
}

/** Where a language model is wanted, what the local one says is a stopgap. */
export function keepingPolicy(config: Config, profileId: string): KeepingPolicy {
  const { INFERENCE, CACHE_TTL_DAYS } = config;
  const localResults =
    INFERENCE === "llm-only"
      ? "unwanted"
      : INFERENCE === "llm-first" && hasLanguageModel(config)
        ? "provisional"
        : "final";
  const ttlMs = CACHE_TTL_DAYS === 0 ? null : CACHE_TTL_DAYS * DAY_MS;
  return { profileId, localResults, ttlMs, random: Math.random };
}
