import { cpus } from "node:os";
import { join } from "node:path";
import { LRUCache } from "lru-cache";
import type { Logger } from "pino";
import { NOBODY, type AliasPolicy } from "./classification/alias.ts";
import { createClassify } from "./classification/classify-by-mode.ts";
import { createClassifyUpload } from "./classification/classify-upload.ts";
import { toServedResult, type KeepingPolicy } from "./classification/keeping.ts";
import { createLookup } from "./classification/lookup.ts";
import { NO_LIMITS, type GuardedStore, type MemoryTier } from "./classification/ports.ts";
import { runUpgrades } from "./classification/run-upgrades.ts";
import { hasLanguageModel, type Config } from "./config.ts";
import type { AppError } from "./errors.ts";
import { createIdentify } from "./hashing/create-identify.ts";
import { createHealthCheck } from "./health.ts";
import { createHttpHandler, type HandleRequest } from "./http/app.ts";
import { createUploadBudget } from "./http/upload-budget.ts";
import { createPictureReader } from "./imaging/picture-reader.ts";
import { openJournal } from "./journal/journal.ts";
import { createResultSink } from "./journal/result-sink.ts";
import { startLoop, type Lifecycle } from "./lifecycle.ts";
import { largestSide } from "./llm/open-chain.ts";
import { budgetGauges, openConfiguredBudget } from "./open-budget.ts";
import { openConfiguredLanguageModel, openConfiguredLocalModel } from "./open-models.ts";
import { openStore } from "./open-store.ts";
import { openConfiguredUpgrades, upgradeDeadlineMs, upgradeRhythm } from "./open-upgrades.ts";
import { loadProfile } from "./profiles/load-profile.ts";
import { createRecorder } from "./recording/recorder.ts";
import { createMemoryTier } from "./storage/memory-tier.ts";
import { createMetrics } from "./telemetry/metrics.ts";

const MIB = 1_048_576;
const DAY_MS = 86_400_000;

const MAX_JOURNAL_ENTRIES = 1_000_000;
const MAX_HELD_REQUESTS = 5_000;
const MAX_HELD_DIGESTS = 50_000;
const MAX_REMEMBERED_DIGESTS = 20_000;
const MAX_REJECTIONS = 10_000;
const REJECTION_TTL_MS = 60_000;
const MAX_QUEUED_DECODES = 2_000;
/** Of a request's deadline, kept back for the local model. */
const LOCAL_RESERVE = 0.2;
const PURGE_ROWS = 1_000;
/** How old what health and metrics say about the budget may be. */
const BUDGET_REFRESH_MS = 5_000;

export interface Services {
  handleRequest: HandleRequest;
  /** Starts the periodic work; it stops before anything else closes. */
  startLoops(): void;
}

/**
 * The composition root: opens what the configuration asks for, each part's close pushed right after
 * its opening. Throws when something is refused; what was opened by then closes with the lifecycle.
 */
export async function openServices(
  config: Config,
  { lifecycle, log, version, isReady }: Surroundings,
): Promise<Services> {
  const clock = Date.now;
  const metrics = createMetrics();
  const profile = await loadProfile(config.PROFILE_FILE);
  const keeping = keepingPolicy(config, profile.id);

  const memory = createMemoryTier({
    maxEntries: config.MEMORY_CACHE_ENTRIES,
    maxBytes: config.MEMORY_CACHE_MB * MIB,
    clock,
  });
  const { store, kind, spending } = await openStore(config, lifecycle, log, (opened) =>
    warmUp(memory, opened, keeping, config.MEMORY_CACHE_ENTRIES, log),
  );
  const budget = openConfiguredBudget(config, { spending, store, lifecycle, log, clock });
  const reader = createPictureReader({
    maxPixels: config.MAX_IMAGE_MEGAPIXELS * 1_000_000,
    concurrency: cpus().length,
    maxQueued: MAX_QUEUED_DECODES,
    maxSide: largestSide(config.providers),
  });
  lifecycle.onClose("picture reader", () => reader.close());
  const languageModel = openConfiguredLanguageModel(config, {
    lifecycle,
    log,
    budget: budget ?? NO_LIMITS,
    shrink: (jpeg, maxSide) => reader.encode(jpeg, maxSide),
  });
  const journal = openJournal({
    file: join(config.DATA_DIR, "journal.db"),
    maxEntries: MAX_JOURNAL_ENTRIES,
  });
  lifecycle.onClose("journal", () => journal.close());
  const aliasPolicy: AliasPolicy = {
    quorum: config.ALIAS_TRUST === "shared" ? 1 : config.ALIAS_QUORUM,
    maxDistance: config.ALIAS_MAX_DISTANCE,
  };
  const aliases = config.ALIAS_TRUST === "verified" ? null : aliasPolicy;
  const sink = createResultSink({
    store,
    journal,
    aliasPolicy,
    onLost(entries, error) {
      metrics.lost(entries.length);
      log.error({ err: error, entries }, "results could be written nowhere");
    },
  });
  const recorder = createRecorder({
    store,
    maxRequests: MAX_HELD_REQUESTS,
    maxDigests: MAX_HELD_DIGESTS,
    onShed: (what, count) => metrics.shed(what, count),
  });
  lifecycle.onClose("recorder", () => recorder.flush());
  lifecycle.onClose("unsaved results", () => sink.settle());

  const localModel = await openConfiguredLocalModel(config, profile, lifecycle, log);

  const profileId = profile.id;
  const upgrades = openConfiguredUpgrades(config, { profileId, lifecycle, log, clock });
  const quorum = aliases && aliases.quorum;
  const lookup = createLookup({
    memory,
    store,
    keeping,
    quorum,
    recorder,
    upgrades,
    telemetry: metrics,
    clock,
  });
  const classify = createClassify({
    mode: config.INFERENCE,
    profile,
    languageModel,
    localModel,
    localReserveMs: config.REQUEST_DEADLINE_MS * LOCAL_RESERVE,
  });
  const rejections = new LRUCache<string, AppError>({ max: MAX_REJECTIONS, ttl: REJECTION_TTL_MS });
  const classifyUpload = createClassifyUpload({
    identify: createIdentify({ maxRemembered: MAX_REMEMBERED_DIGESTS }),
    lookup,
    store,
    reader,
    classify,
    keeping,
    memory,
    sink,
    upgrades,
    rejections,
    aliases,
    telemetry: metrics,
    deadlineMs: config.REQUEST_DEADLINE_MS,
    clock,
  });
  const uploadBudget = createUploadBudget(config.MAX_UPLOAD_MEMORY_MB * MIB);

  metrics.watch({
    memory_cache_entries: { help: "Results in memory.", read: () => memory.sizes().entries },
    memory_cache_bytes: { help: "Estimated size of them.", read: () => memory.sizes().bytes },
    journal_entries: { help: "Results waiting for the database.", read: () => journal.count() },
    upgrades_waiting: { help: "Provisional results to be upgraded.", read: () => upgrades.size },
    upload_bytes: { help: "Bytes of uploads in memory.", read: () => uploadBudget.heldBytes },
    database_available: { help: "1 while it answers.", read: () => Number(store.isAvailable()) },
  });

  if (budget) metrics.watch(budgetGauges(budget));

  const handleRequest = createHttpHandler({
    lookup,
    classifyUpload,
    recorder,
    health: createHealthCheck({
      store,
      storeKind: kind,
      mode: config.INFERENCE,
      profileId: profile.id,
      languageModel,
      localModel,
      budget,
      journal,
      upgrades,
    }),
    isReady,
    metrics,
    log,
    uploadBudget,
    limits: {
      maxImageBytes: Math.floor(config.MAX_IMAGE_SIZE_MB * MIB),
      bodyTimeoutMs: config.REQUEST_DEADLINE_MS,
    },
    corsOrigins: config.CORS_ORIGINS,
    clientIpHeader: config.CLIENT_IP_HEADER,
    version,
    clock,
  });

  const upgradeDeps = {
    upgrades,
    profile,
    keeping,
    memory,
    store,
    sink,
    telemetry: metrics,
    deadlineMs: upgradeDeadlineMs(config),
    clock,
  };

  function loop(name: string, intervalMs: number, run: (signal: AbortSignal) => Promise<void>) {
    const onError = (_: string, err: unknown) =>
      log.error({ err, loop: name }, "background work failed");
    const { stop } = startLoop({ name, intervalMs, run, onError });
    lifecycle.onClose(name, stop);
  }

  function startLoops() {
    loop("recording", 1_000, () => recorder.flush());
    loop("journal replay", 500, async (signal) => {
      // The circuit closes again only by a call that succeeds, and there may be no traffic.
      if (!store.isAvailable()) await store.ping();
      const replayed = await sink.replay(signal);
      if (replayed > 0) log.info({ replayed }, "journal entries are in the database now");
    });
    loop("purge", 60_000, async () => {
      const now = clock();
      const requestsBefore = now - config.LOG_RETENTION_DAYS * DAY_MS;
      await store.purge({ now, requestsBefore, limit: PURGE_ROWS });
    });
    if (budget) loop("daily budget", BUDGET_REFRESH_MS, () => budget.refresh());
    const { intervalMs, maxPerRun } = upgradeRhythm(config);
    loop("upgrades", intervalMs, async (signal) => {
      // Pictures of a time with a language model must not outlive their hour.
      if (!languageModel) return upgrades.sweep();
      await runUpgrades({ ...upgradeDeps, languageModel, maxPerRun }, signal);
    });
  }

  return { handleRequest, startLoops };
}

interface Surroundings {
  lifecycle: Lifecycle;
  log: Logger;
  version: string;
  isReady: () => boolean;
}

/** Where a language model is wanted, what the local one says is a stopgap. */
function keepingPolicy(config: Config, profileId: string): KeepingPolicy {
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

/** Loads the most requested results into memory, so that a restart does not begin cold. */
async function warmUp(
  memory: MemoryTier,
  store: GuardedStore,
  keeping: KeepingPolicy,
  maxEntries: number,
  log: Logger,
): Promise<void> {
  const now = Date.now();
  const limit = Math.min(maxEntries, MAX_WARM_ENTRIES);
  const hottest = await store.findHottest(keeping.profileId, limit, now);
  if (!hottest.ok) return;
  let loaded = 0;
  for (const stored of hottest.value.toReversed()) {
    const result = toServedResult(stored, keeping, now);
    if (!result) continue;
    memory.remember({ hash: result.digest, kind: "digest", result }, NOBODY);
    loaded++;
  }
  if (loaded > 0) log.info({ loaded }, "hot results are in memory");
}

const MAX_WARM_ENTRIES = 10_000;
