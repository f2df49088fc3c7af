import { join } from "node:path";
import type { Logger } from "pino";
import type { UpgradeQueue } from "./classification/upgrade-queue.ts";
import type { Config } from "./config.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { openUpgradeQueue } from "./upgrades/open-upgrade-queue.ts";

const MIB = 1_048_576;
const MINUTE_MS = 60_000;

interface Surroundings {
  profileId: string;
  lifecycle: Lifecycle;
  log: Logger;
  clock: () => number;
}

/** The pictures that wait for a language model. Also without one: what an earlier start left must expire. */
export function openConfiguredUpgrades(
  { DATA_DIR, UPGRADE_QUEUE_MB, REQUEST_DEADLINE_MS }: Config,
  { profileId, lifecycle, log, clock }: Surroundings,
): UpgradeQueue {
  const upgrades = openUpgradeQueue({
    file: join(DATA_DIR, "upgrades.db"),
    profileId,
    maxBytes: UPGRADE_QUEUE_MB * MIB,
    leaseMs: REQUEST_DEADLINE_MS * 2,
    onError: (err) => log.warn({ err }, "a picture could not be kept for its upgrade"),
    clock,
  });
  lifecycle.onClose("upgrades", () => upgrades.close());
  return upgrades;
}

/** How many upgrades go together, and how long after them the next: a second apart, or more for slow rates. */
export function upgradeRhythm({ UPGRADES_PER_MINUTE: rate }: Config) {
  const maxPerRun = Math.max(1, Math.floor((rate * 1_000) / MINUTE_MS));
  return { maxPerRun, intervalMs: Math.ceil((maxPerRun * MINUTE_MS) / rate) };
}

/** A stop waits for the upgrades under way, and must have time for the rest. */
export function upgradeDeadlineMs({ REQUEST_DEADLINE_MS, SHUTDOWN_DEADLINE_MS }: Config): number {
  return Math.min(REQUEST_DEADLINE_MS, SHUTDOWN_DEADLINE_MS / 2);
}
