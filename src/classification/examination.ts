import { AppError, type ErrorCode } from "../errors.ts";
import { isRejection, type Classify } from "./classify-by-mode.ts";
import type { ImageIdentity } from "./identity.ts";
import type { PictureHash } from "./picture-hash.ts";
import { toStoredResult, type KeepingPolicy } from "./keeping.ts";
import { NOBODY } from "./alias.ts";
import type { FoundResult, Lookup } from "./lookup.ts";
import type { MemoryTier } from "./ports/memory-tier.ts";
import type { PictureReader, PictureRejection } from "./ports/picture-reader.ts";
import type { ResultSink, SaveOutcome } from "./ports/result-sink.ts";
import type { Telemetry } from "./ports/telemetry.ts";
import type { Classification, StoredResult } from "./result.ts";
import { once } from "./single-flight.ts";
import type { TakeTurn } from "./take-turn.ts";
import type { ThumbnailShape } from "./thumbnail.ts";
import type { UpgradeQueue } from "./ports/upgrade-queue.ts";

/** A rejected upload's digest and the error it got, remembered briefly. */
export interface RejectionMemory {
  get(digest: string): AppError | undefined;
  set(digest: string, error: AppError): unknown;
}

export interface ExaminationDeps {
  lookup: Lookup;
  reader: PictureReader;
  /** What the local model looks at; null: nothing that others can use. */
  thumbnailShape: ThumbnailShape | null;
  classify: Classify;
  takeTurn: TakeTurn;
  keeping: KeepingPolicy;
  memory: MemoryTier;
  sink: ResultSink;
  upgrades: UpgradeQueue;
  rejections: RejectionMemory;
  telemetry: Telemetry;
  /** Whether a language model is about to be asked: its JPEG is then made beside the thumbnail. */
  willEncode: () => boolean;
  /** How long one examination may take, whoever waits for it, in milliseconds. */
  deadlineMs: number;
  clock: () => number;
}

/** With what the caller is to know of its worth. */
export type AnsweredClassification = Classification & { provisional: boolean };

/** A classification that was made, and what became of it. */
export interface MadeAnswer {
  classification: AnsweredClassification;
  /** null: too unsure to be kept. */
  kept: { result: StoredResult; outcome: SaveOutcome } | null;
  /** How long each stage took, in milliseconds. */
  durations: StageDurations;
}

/** The result that another process made and stored while this one waited for its turn. */
export interface FoundAnswer extends FoundResult {
  durations: StageDurations;
}

export type StageDurations = Partial<Record<"decode" | "wait" | "model" | "store", number>>;

/**
 * What can be found out about one unknown photo. Every stage runs at most once, however many callers
 * wait for it, and under its own deadline, not a caller's.
 */
export interface Examination {
  /** In the tiers behind memory, which the caller has asked already; null: nothing is known. */
  lookUp(): Promise<FoundResult | null>;
  /** Rejects when the upload is no picture. */
  pictureHash(): Promise<PictureHash>;
  /** At most once over all processes, as far as leases reach. */
  classify(): Promise<MadeAnswer | FoundAnswer>;
}

export function openExamination(
  bytes: Uint8Array,
  identity: ImageIdentity,
  deps: ExaminationDeps,
): Examination {
  const { clock, telemetry, keeping } = deps;
  const begunAt = clock();
  const deadlineAt = begunAt + deps.deadlineMs;

  const durations: StageDurations = {};
  const glance = once(async () => {
    const startedAt = clock();
    const outcome = await deps.reader.glance(bytes, deps.thumbnailShape ?? undefined);
    durations.decode = clock() - startedAt;
    return outcome;
  });

  const pictureHash = once(async () => {
    const outcome = await glance();
    if (outcome.ok) return outcome.value.pictureHash;
    if (outcome.reason !== "overloaded") throw reject(outcome.reason, outcome.detail);
    throw new AppError("server_overloaded", outcome.detail, { retryAfterS: RETRY_AFTER_S });
  });

  function reject(reason: PictureRejection, detail: string): AppError {
    const error = new AppError(REJECTION_CODES[reason], detail);
    deps.rejections.set(identity.digest, error);
    return error;
  }

  const classify = once(async (): Promise<MadeAnswer | FoundAnswer> => {
    const openedAt = clock();
    const turn = await deps.takeTurn(identity.digest, deadlineAt);
    durations.wait = clock() - openedAt;
    if (turn.kind === "found") return { ...turn.found, durations };
    try {
      return await make();
    } finally {
      // What was made is stored by now: whoever waits finds it.
      if (turn.kind === "own") void turn.lease.release();
    }
  });

  async function make(): Promise<MadeAnswer> {
    const startedAt = clock();
    const decodedBeforeMs = durations.decode ?? 0;
    const encode = once(() => deps.reader.encode(bytes));
    const prepare = async () => {
      const hash = await pictureHash();
      const jpeg = await encode();
      return jpeg.ok ? { ok: true as const, value: { jpeg: jpeg.value, pictureHash: hash } } : jpeg;
    };
    // A failure is met where the JPEG is needed.
    if (deps.willEncode()) encode().catch(() => {});
    // Nothing is decoded before a model wants it: a local model does so when it is a picture's turn,
    // so that all that wait for theirs are not in memory as pixels, too.
    const outcome = await deps.classify({ bytes, glance, prepare }, deadlineAt);
    if (!outcome.ok) {
      // What was looked at and is no picture is refused for that, whatever the models said.
      if (durations.decode !== undefined) await pictureHash();
      // A thumbnail may come out of a picture whose full size does not.
      if (isRejection(outcome.reason)) throw reject(outcome.reason, outcome.detail);
      telemetry.classificationFailed(outcome.reason);
      throw new AppError("classification_unavailable", "No model can classify this photo now.", {
        cause: new Error(`${outcome.reason}: ${outcome.detail}`),
        retryAfterS: RETRY_AFTER_S,
      });
    }
    const { provisional } = outcome.value;
    const classification = { ...outcome.value.classification, provisional };
    const answeredAt = clock();
    const hash = await pictureHash();
    const decodedMs = (durations.decode ?? 0) - decodedBeforeMs;
    durations.model = answeredAt - startedAt - decodedMs;
    telemetry.classified(classification.method, durations.model);
    if (classification.localInference === null) telemetry.paid(classification);
    const result = toStoredResult(outcome.value, identity, hash, keeping, begunAt);
    if (!result) return { classification, kept: null, durations };
    deps.memory.remember({ hash: identity.digest, kind: "digest", result }, NOBODY);
    if (provisional) {
      const prepared = await prepare();
      if (prepared.ok) deps.upgrades.offer(identity, prepared.value);
    }
    const saved = await deps.sink.saveResult(result);
    durations.store = clock() - answeredAt;
    return { classification, kept: { result, outcome: saved }, durations };
  }

  return {
    lookUp: once(() => deps.lookup.findStored(identity.digest)),
    pictureHash,
    classify,
  };
}

/** Seconds after which a client may try again when no model could answer. */
const RETRY_AFTER_S = 5;

const REJECTION_CODES = {
  unsupported_format: "unsupported_image",
  corrupt: "corrupt_image",
  too_many_pixels: "image_too_many_pixels",
} as const satisfies Record<PictureRejection, ErrorCode>;
