import { NOBODY } from "./alias.ts";
import type { GuardedInvalidationLog } from "./ports/invalidations.ts";
import { toServedResult, toStoredResult, type KeepingPolicy } from "./keeping.ts";
import type { LanguageModel, LanguageModelFailure } from "./ports/language-model.ts";
import type { MemoryTier } from "./ports/memory-tier.ts";
import type { ResultSink } from "./ports/result-sink.ts";
import type { GuardedStore } from "./ports/result-store.ts";
import type { Telemetry } from "./ports/telemetry.ts";
import type { Profile } from "./profile.ts";
import { fromLanguageModel } from "./result.ts";
import type { PendingUpgrade, UpgradeQueue } from "./ports/upgrade-queue.ts";

export interface UpgradeDeps {
  upgrades: UpgradeQueue;
  languageModel: LanguageModel;
  profile: Profile;
  keeping: KeepingPolicy;
  memory: MemoryTier;
  store: Pick<GuardedStore, "find">;
  sink: ResultSink;
  /** Tells the other processes of what was replaced; where it cannot, they find out within a minute. */
  invalidations: Pick<GuardedInvalidationLog, "announce">;
  telemetry: Telemetry;
  /** For one language-model call, in milliseconds. */
  deadlineMs: number;
  /** Upgrades of one run, made at the same time: with the time between two runs, what bounds their rate. */
  maxPerRun: number;
  /** Does the work unless another instance is at it or has just been; it resolves to whether there was any. */
  exclusively: (work: () => Promise<boolean>) => Promise<void>;
  clock: () => number;
}

/** Failures that any picture would have met: they are not held against this one. */
const OF_THE_PROVIDER: ReadonlySet<LanguageModelFailure> = new Set([
  "unreachable",
  "rate_limited",
  "unauthorized",
  "circuit_open",
  "overloaded",
  "over_budget",
]);

/**
 * Replaces some provisional results with a language model's answers, the most requested first. Callers
 * go before: nothing is asked while one of them waits for the model. Never rejects.
 */
export async function runUpgrades(deps: UpgradeDeps, signal: AbortSignal): Promise<void> {
  const { upgrades, languageModel } = deps;
  upgrades.sweep();
  if (signal.aborted || upgrades.size === 0) return;
  if (languageModel.spareCapacity() === 0) return;
  await deps.exclusively(async () => {
    const taken = upgrades.take(Math.min(deps.maxPerRun, languageModel.spareCapacity()));
    await Promise.all(taken.map((upgrade) => upgradeOne(upgrade, deps)));
    return taken.length > 0;
  });
}

async function upgradeOne(upgrade: PendingUpgrade, deps: UpgradeDeps): Promise<void> {
  const { upgrades, keeping, clock } = deps;
  const { identity, picture } = upgrade;
  // Before the look at the database: a purge that comes after it takes this result away, too.
  const begunAt = clock();
  const isWanted = await isStillProvisional(upgrade, deps);
  if (isWanted === null) return upgrades.putBack(upgrade);
  if (!isWanted) return upgrades.done(upgrade);

  const deadlineAt = clock() + deps.deadlineMs;
  const outcome = await deps.languageModel.classify(picture, deps.profile, deadlineAt);
  if (!outcome.ok) {
    const attempts = upgrade.attempts + (OF_THE_PROVIDER.has(outcome.reason) ? 0 : 1);
    return upgrades.putBack({ ...upgrade, attempts });
  }
  const classification = { ...fromLanguageModel(outcome.value), method: "llm" } as const;
  deps.telemetry.paid(classification);
  const verdict = { classification, provisional: false };
  const result = toStoredResult(verdict, identity, picture.pictureHash, keeping, begunAt);
  if (result) {
    deps.memory.remember({ hash: identity.digest, kind: "digest", result }, NOBODY);
    const saved = await deps.sink.saveResult(result);
    const { digest, createdAt: before } = result;
    // What waits in the journal is not there for the others yet.
    if (saved === "stored")
      await deps.invalidations.announce([{ kind: "replaced", digest, before }]);
    deps.telemetry.upgraded();
  }
  upgrades.done(upgrade);
}

/**
 * Whether the result is still the stopgap that it was: another process may have replaced it, an operator
 * may have purged it. null: the database cannot say. What is in memory alone waits in the journal.
 */
async function isStillProvisional(
  { identity: { digest } }: PendingUpgrade,
  { store, memory, keeping, clock }: UpgradeDeps,
): Promise<boolean | null> {
  const now = clock();
  const { profileId } = keeping;
  const query = { profileId, hashes: [digest], caller: NOBODY, quorum: null, now, fresh: true };
  const found = await store.find(query);
  if (!found.ok) return null;
  const known = found.value.get(digest) ?? memory.get(digest, NOBODY);
  return known ? (toServedResult(known.result, keeping, now)?.provisional ?? false) : false;
}
