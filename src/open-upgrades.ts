import { join } from "node:path";
import type { Logger } from "pino";
import type { UpgradeQueue } from "./classification/ports/upgrade-queue.ts";
import type { Config } from "./config.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { type DurableUpgradeQueue, openUpgradeQueue } from "./upgrades/open-upgrade-queue.ts";

const MIB = 1_048_576;
const MINUTE_MS = 60_000;

interface Surroundings {
  profileId: string;
  lifecycle: Lifecycle;
  log: Logger;
  clock: () => number;
}

/** Of pictures in memory, where the disk does not take them. */
const MAX_MEMORY_BYTES = 64 * MIB;

/**
 * The pictures that wait for a language model. Also without one: what an earlier start left must expire.
 * A file that cannot be used stops no start: pictures then wait in memory.
 */
export function openConfiguredUpgrades(
  { DATA_DIR, UPGRADE_QUEUE_MB, REQUEST_DEADLINE_MS }: Config,
  { profileId, lifecycle, log, clock }: Surroundings,
): UpgradeQueue {
  const open = (file: string, maxBytes: number) =>
    openUpgradeQueue({
      file,
      profileId,
      maxBytes,
      leaseMs: REQUEST_DEADLINE_MS * 2,
      onError: (err) => log.warn({ err }, "a picture could not be kept for its upgrade"),
      clock,
    });
  const file = join(DATA_DIR, "upgrades.db");
  const maxBytes = UPGRADE_QUEUE_MB * MIB;
  let upgrades: DurableUpgradeQueue;
  try {
    upgrades = open(file, maxBytes);
  } catch (err) {
    log.error({ err, file }, "pictures cannot wait on disk for their upgrade, only in memory");
    upgrades = open(":memory:", Math.min(maxBytes, MAX_MEMORY_BYTES));
  }
  lifecycle.onClose("upgrades", () => upgrades.close());
  return upgrades;
}

/** How many upgrades go together, and how long after their start the next: a second apart, or more for slow rates. */
export function upgradeRhythm({ UPGRADES_PER_MINUTE: rate }: Config) {
  const maxPerRun = Math.max(1, Math.floor((rate * 1_000) / MINUTE_MS));
  return { maxPerRun, intervalMs: Math.ceil((maxPerRun * MINUTE_MS) / rate) };
}

/** A stop waits for the upgrades under way, and must have time for the rest. */
export function upgradeDeadlineMs({ REQUEST_DEADLINE_MS, SHUTDOWN_DEADLINE_MS }: Config): number {
  return Math.min(REQUEST_DEADLINE_MS, SHUTDOWN_DEADLINE_MS / 2);
}
