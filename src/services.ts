import { cpus } from "node:os";
import { join } from "node:path";
import type { Logger } from "pino";
import { openAdminToken } from "./administration/open-admin-token.ts";
import { createPurgePhoto } from "./classification/purge-photo.ts";
import { NO_LIMITS } from "./classification/spending.ts";
import { withSharedTier } from "./classification/with-shared-tier.ts";
import type { Config } from "./config.ts";
import { aliasPolicy, createAnswering, keepingPolicy } from "./create-answering.ts";
import { createExposeMetrics } from "./expose-metrics.ts";
import { createHealthCheck } from "./health.ts";
import { createHttpHandler, type HandleRequest } from "./http/app.ts";
import { createUploadBudget } from "./http/upload-budget.ts";
import { createInvalidationPoller } from "./invalidations/create-invalidation-poller.ts";
import { whileInformed } from "./invalidations/while-informed.ts";
import { createPictureReader } from "./imaging/picture-reader.ts";
import { openJournal } from "./journal/journal.ts";
import { createResultSink } from "./journal/result-sink.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { largestSide } from "./llm/open-chain.ts";
import { openConfiguredBudget } from "./open-budget.ts";
import { openConfiguredLeases } from "./open-leases.ts";
import { openConfiguredLanguageModel, openConfiguredLocalModel } from "./open-models.ts";
import { createConfiguredTier, openConfiguredRedis } from "./open-redis.ts";
import { openStore } from "./open-store.ts";
import { openConfiguredUpgrades } from "./open-upgrades.ts";
import { loadProfile } from "./profiles/load-profile.ts";
import { createRecorder } from "./recording/recorder.ts";
import { createMemoryTier } from "./storage/memory-tier.ts";
import { startLoops } from "./start-loops.ts";
import { startSchedules } from "./start-schedules.ts";
import type { SupervisorLink } from "./supervisor/supervisor-link.ts";
import { createMetrics } from "./telemetry/metrics.ts";
import { warmUp } from "./warm-up.ts";
import { watchGauges } from "./watch-gauges.ts";

const MIB = 1_048_576;

const MAX_JOURNAL_ENTRIES = 1_000_000;
/**
 * Written once a second: also the most lines that a process logs in one. Beyond, they would take a
 * tenth of the time of all answers, and gigabytes an hour.
 */
const MAX_HELD_REQUESTS = 2_000;
const MAX_HELD_DIGESTS = 50_000;
const MAX_QUEUED_DECODES = 2_000;

export interface Services {
  handleRequest: HandleRequest;
  /** To be shown to the operator, once; null where there was one. */
  createdAdminToken: string | null;
  /** Starts the periodic work; it stops before anything else closes. */
  startLoops(): void;
}

/**
 * The composition root: opens what the configuration asks for, each part's close pushed right after
 * its opening. Throws when something is refused; what was opened by then closes with the lifecycle.
 */
export async function openServices(
  config: Config,
  { lifecycle, log, version, isReady, link }: Surroundings,
): Promise<Services> {
  const clock = Date.now;
  const worker = link?.worker;
  const metrics = createMetrics(worker);
  const profile = await loadProfile(config.PROFILE_FILE);
  const keeping = keepingPolicy(config, profile.id);

  const memory = createMemoryTier({
    maxEntries: config.MEMORY_CACHE_ENTRIES,
    maxBytes: config.MEMORY_CACHE_MB * MIB,
    clock,
  });
  const redis = await openConfiguredRedis(config, { lifecycle, log });
  const redisTier = redis && createConfiguredTier(config, redis, { profileId: profile.id, clock });
  const database = openStore(config, { lifecycle, log, worker });
  const { store, kind, spending, replicas, invalidations } = database;
  const upgrades = openConfiguredUpgrades(config, {
    profileId: profile.id,
    lifecycle,
    log,
    clock,
  });
  const invalidationPoller = createInvalidationPoller({
    log: invalidations,
    memory,
    upgrades,
    sharedTier: redisTier,
    clock,
  });
  const sharedTier = redisTier && whileInformed(redisTier, invalidationPoller);
  await database.migrate(async () => {
    await invalidationPoller.poll();
    await warmUp(memory, store, keeping, config.MEMORY_CACHE_ENTRIES, log);
  });
  const { leases: ledger } = database;
  const leases = openConfiguredLeases(config, { ledger, store, redis, lifecycle });
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
  const sink = createResultSink({
    store,
    journal,
    aliasPolicy: aliasPolicy(config),
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

  const shared = {
    profile,
    keeping,
    memory,
    store,
    sharedTier,
    sink: sharedTier ? withSharedTier(sink, sharedTier) : sink,
    invalidations,
    upgrades,
    languageModel,
    recorder,
    telemetry: metrics,
    clock,
  };
  const { lookup, classifyUpload } = createAnswering(config, {
    ...shared,
    leases,
    reader,
    localModel,
  });
  const uploadBudget = createUploadBudget(config.MAX_UPLOAD_MEMORY_MB * MIB);

  watchGauges(metrics, { memory, journal, upgrades, uploadBudget, store, redis, budget, replicas });

  const adminToken = openAdminToken({
    token: config.ADMIN_TOKEN,
    file: join(config.DATA_DIR, "admin-token"),
  });
  const handleRequest = createHttpHandler({
    lookup,
    classifyUpload,
    purgePhoto: createPurgePhoto({ store, memory, sharedTier, upgrades, clock }),
    isAdminToken: adminToken.matches,
    recorder,
    health: createHealthCheck({
      store,
      redis,
      storeKind: kind,
      replicas,
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
    exposeMetrics: createExposeMetrics(metrics, link),
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

  return {
    handleRequest,
    createdAdminToken: adminToken.created,
    startLoops() {
      startLoops(config, { ...shared, leases, invalidationPoller, budget, lifecycle, log });
      startSchedules(config, { ...shared, leases, ledger, lifecycle, log });
    },
  };
}

interface Surroundings {
  lifecycle: Lifecycle;
  log: Logger;
  version: string;
  isReady: () => boolean;
  /** null: no supervisor runs this process as one of several on one port. */
  link: SupervisorLink | null;
}
