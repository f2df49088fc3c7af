import type { KeepingPolicy } from "./keeping.ts";
import { toStoredResult } from "./keeping.ts";
import { NOBODY } from "./alias.ts";
import type { LanguageModel, MemoryTier, ResultSink, Telemetry } from "./ports.ts";
import type { Profile } from "./profile.ts";
import { fromLanguageModel } from "./result.ts";
import type { UpgradeQueue } from "./upgrade-queue.ts";

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

/**
 * Replaces provisional results with a language model's answers, one call at a time, the most requested
 * first. Stops at the first failure that is not the picture's own; the next run goes on from there.
 */
export async function runUpgrades(deps: UpgradeDeps, signal: AbortSignal): Promise<void> {
  const { upgrades, languageModel, profile, keeping, clock } = deps;
  for (let done = 0; done < deps.maxPerRun && !signal.aborted; done++) {
    if (!languageModel.isAvailable()) return;
    const upgrade = upgrades.take();
    if (!upgrade) return;
    const { identity, picture } = upgrade;
    const outcome = await languageModel.classify(picture, profile, clock() + deps.deadlineMs);
    if (!outcome.ok) {
      upgrades.putBack(upgrade);
      continue;
    }
    const classification = { ...fromLanguageModel(outcome.value), method: "llm" } as const;
    const verdict = { classification, provisional: false };
    const result = toStoredResult(verdict, identity, picture.pictureHash, keeping, clock());
    if (!result) continue;
    deps.memory.remember({ hash: identity.digest, kind: "digest", result }, NOBODY);
    await deps.sink.saveResult(result);
    deps.telemetry.upgraded();
  }
}
