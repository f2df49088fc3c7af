import type { Logger } from "pino";
import type { DailyBudget } from "./budget/daily-budget.ts";
import type { Leases } from "./classification/ports/leases.ts";
import type { LanguageModel } from "./classification/ports/language-model.ts";
import type { GuardedStore } from "./classification/ports/result-store.ts";
import { runUpgrades, type UpgradeDeps } from "./classification/run-upgrades.ts";
import type { Config } from "./config.ts";
import {
  POLL_INTERVAL_MS,
  type InvalidationPoller,
} from "./invalidations/create-invalidation-poller.ts";
import type { JournaledSink } from "./journal/result-sink.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { upgradeDeadlineMs, upgradeRhythm } from "./open-upgrades.ts";
import type { WriteBehindRecorder } from "./recording/recorder.ts";
import { runInBackground } from "./run-in-background.ts";
import { runExclusively } from "./schedules/run-exclusively.ts";

const RECORDING_MS = 1_000;
const REPLAY_MS = 500;
/** How soon instances that wait for their turn to upgrade look again, at least. */
const UPGRADE_TURN_MS = 1_000;
/** How old what health and metrics say about the budget may be. */
const BUDGET_REFRESH_MS = 5_000;

export interface LoopDeps extends Omit<
  UpgradeDeps,
  "languageModel" | "store" | "sink" | "deadlineMs" | "maxPerRun" | "exclusively"
> {
  /** null: nothing to upgrade by. */
  languageModel: LanguageModel | null;
  /** null: no limits. */
  budget: DailyBudget | null;
  store: GuardedStore;
  invalidationPoller: InvalidationPoller;
  sink: JournaledSink;
  recorder: WriteBehindRecorder;
  leases: Leases;
  lifecycle: Lifecycle;
  log: Logger;
}

/** Starts the periodic work; each loop's end is pushed on the lifecycle. */
export function startLoops(config: Config, deps: LoopDeps): void {
  const { lifecycle, log, store, sink, recorder, budget, upgrades, leases } = deps;

  const loop = (name: string, intervalMs: number, run: (signal: AbortSignal) => Promise<void>) =>
    runInBackground({ lifecycle, log }, name, intervalMs, run);

  loop("recording", RECORDING_MS, () => recorder.flush());
  loop("journal replay", REPLAY_MS, async (signal) => {
    // The circuit closes again only by a call that succeeds, and there may be no traffic.
    if (!store.isAvailable()) await store.ping();
    const replayed = await sink.replay(signal);
    if (replayed > 0) log.info({ replayed }, "journal entries are in the database now");
  });
  loop("invalidations", POLL_INTERVAL_MS, () => deps.invalidationPoller.poll());
  if (budget) loop("daily budget", BUDGET_REFRESH_MS, () => budget.refresh());

  const { intervalMs, maxPerRun } = upgradeRhythm(config);
  const deadlineMs = upgradeDeadlineMs(config);
  const { languageModel } = deps;
  // Pictures wait where their upload was; the lease holds the rate over all instances.
  const exclusively: UpgradeDeps["exclusively"] = async (work) => {
    await runExclusively(leases, { name: "upgrades", keepMs: intervalMs, work });
  };
  loop("upgrades", Math.min(intervalMs, UPGRADE_TURN_MS), async (signal) => {
    // Pictures of a time with a language model must not outlive their hour.
    if (!languageModel) return upgrades.sweep();
    await runUpgrades({ ...deps, languageModel, deadlineMs, maxPerRun, exclusively }, signal);
  });
}
