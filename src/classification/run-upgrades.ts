import type { KeepingPolicy } from "./keeping.ts";
import { toStoredResult } from "./keeping.ts";
import { NOBODY } from "./alias.ts";
import type {
  LanguageModel,
  LanguageModelFailure,
  MemoryTier,
  ResultSink,
  Telemetry,
} from "./ports.ts";
import type { Profile } from "./profile.ts";
import type { PendingUpgrade, UpgradeQueue } from "./upgrade-queue.ts";

export interface UpgradeDeps {
  upgrades: UpgradeQueue;
  languageModel: LanguageModel;
  profile: Profile;
  keeping: KeepingPolicy;
  memory: MemoryTier;
  sink: ResultSink;
  telemetry: Telemetry;
  /** For one language-model call, in milliseconds. */
  deadlineMs: number;
  /** Upgrades of one run: what keeps the background from starving the callers. */
  maxPerRun: number;
  clock: () => number;
}

/** Failures after which another picture may fare better at once. */
const OF_THE_PICTURE: ReadonlySet<LanguageModelFailure> = new Set([
  "rejected",
  "refused",
  "malformed_output",
]);
/** Failures that any picture would have met: they are not held against this one. */
const OF_THE_PROVIDER: ReadonlySet<LanguageModelFailure> = new Set([
  "unreachable",
  "rate_limited",
  "unauthorized",
  "circuit_open",
  "overloaded",
]);

/**
 * Replaces provisional results with a language model's answers, one call at a time, the most requested
 * first. Stops at the first failure that is not the picture's own; the next run goes on from there.
 */
export async function runUpgrades(deps: UpgradeDeps, signal: AbortSignal): Promise<void> {
  const { upgrades, languageModel, profile, keeping, clock } = deps;
  /** Put back when the run is over, or the most requested one would be taken again at once. */
  const failed: PendingUpgrade[] = [];
  for (let done = 0; done < deps.maxPerRun && !signal.aborted; done++) {
    if (!languageModel.isAvailable()) break;
    const upgrade = upgrades.take();
    if (!upgrade) break;
    const { identity, picture } = upgrade;
    const outcome = await languageModel.classify(picture, profile, clock() + deps.deadlineMs);
    if (!outcome.ok) {
      const isHeldAgainst = !OF_THE_PROVIDER.has(outcome.reason);
      failed.push({ ...upgrade, attempts: upgrade.attempts + (isHeldAgainst ? 1 : 0) });
      if (OF_THE_PICTURE.has(outcome.reason)) continue;
      break;
    }
    const classification = { ...outcome.value, method: "llm", localInference: null } as const;
    const verdict = { classification, provisional: false };
    const result = toStoredResult(verdict, identity, picture.pictureHash, keeping, clock());
    if (!result) continue;
    deps.memory.remember({ hash: identity.digest, kind: "digest", result }, NOBODY);
    await deps.sink.saveResult(result);
    deps.telemetry.upgraded();
  }
  for (const upgrade of failed) upgrades.putBack(upgrade);
}
