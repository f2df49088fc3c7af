import { LRUCache } from "lru-cache";
import type { AliasPolicy, CallerId } from "../../src/classification/alias.ts";
import { createClassify, type InferenceMode } from "../../src/classification/classify-by-mode.ts";
import { createClassifyUpload } from "../../src/classification/classify-upload.ts";
import { type Identify, identify, type ImageHash } from "../../src/classification/identity.ts";
import type { KeepingPolicy } from "../../src/classification/keeping.ts";
import { createLookup } from "../../src/classification/lookup.ts";
import type { LanguageModel } from "../../src/classification/ports/language-model.ts";
import type { LocalModel } from "../../src/classification/ports/local-model.ts";
import { createTakeTurn } from "../../src/classification/take-turn.ts";
import { DEFAULT_PROFILE, type Profile } from "../../src/classification/profile.ts";
import type { SharedTier } from "../../src/classification/ports/shared-tier.ts";
import { withSharedTier } from "../../src/classification/with-shared-tier.ts";
import type { AppError } from "../../src/errors.ts";
import { openJournal } from "../../src/journal/journal.ts";
import { createResultSink } from "../../src/journal/result-sink.ts";
import { openLeases } from "../../src/leases/open-leases.ts";
import { createGuard } from "../../src/storage/guard.ts";
import { guardInvalidations, guardStore } from "../../src/storage/guarded-store.ts";
import { createMemoryTier } from "../../src/storage/memory-tier.ts";
import { openSqliteStore, type SqliteStore } from "../../src/storage/sqlite/open-sqlite-store.ts";
import { openUpgradeQueue } from "../../src/upgrades/open-upgrade-queue.ts";
import { createFakeReader, createScriptedModel } from "./fake-models.ts";
import { createNotes } from "./notes.ts";

export * from "./fake-models.ts";
export * from "./results.ts";

export const START = 1_800_000_000_000;
/** Longer than an unknown hash is remembered as unknown. */
export const A_WHILE_MS = 3_000;
/** How long a picture is lent out for its upgrade, and a lease outlives its owner. */
export const LEASE_MS = 20_000;
export const ALIASES: AliasPolicy = { quorum: 2, maxDistance: 6 };

/** A step that takes time; the test decides when it goes on. */
export type Pause = (step: string) => Promise<unknown>;

export interface DomainOptions {
  identify?: Identify;
  aliases?: AliasPolicy | null;
  mode?: InferenceMode;
  profile?: Profile;
  /** Default: a model that answers each family of photos with its own category. */
  languageModel?: LanguageModel | null;
  localModel?: LocalModel | null;
  keeping?: Partial<KeepingPolicy>;
  maxMemoryEntries?: number;
  sharedTier?: SharedTier;
  pause?: Pause;
  /** A database that other processes use, too, made by `openDatabase`. Default: one of its own. */
  database?: SqliteStore;
}

export type Domain = Awaited<ReturnType<typeof openDomain>>;

export async function openDatabase(): Promise<SqliteStore> {
  const database = openSqliteStore({ file: ":memory:" });
  await database.migrate();
  return database;
}

/**
 * The whole domain with its real tiers: memory, a SQLite database in memory and a journal. Pictures
 * and models are made up; time stands still until it is moved.
 */
export async function openDomain(options: DomainOptions = {}) {
  const { pause, mode = "llm-first", profile = DEFAULT_PROFILE, aliases = ALIASES } = options;
  const time = { now: START };
  const clock = () => time.now;
  const step = <Port extends object>(name: string, port: Port) =>
    pause ? pausing(name, port, pause) : port;

  const raw = options.database ?? (await openDatabase());
  const outage = { isDown: false };
  const store = step("store", withOutages(guardStore(raw), outage));
  const journal = openJournal({ file: ":memory:", maxEntries: 1_000 });
  const memory = createMemoryTier({
    maxEntries: options.maxMemoryEntries ?? 1_000,
    maxBytes: 10_000_000,
    clock,
    random: () => 0.5,
  });
  const keeping: KeepingPolicy = {
    profileId: profile.id,
    localResults: "provisional",
    ttlMs: null,
    random: () => 0.5,
    ...options.keeping,
  };
  const notes = createNotes();
  const aliasPolicy = aliases ?? ALIASES;
  const onLost = () => notes.count("lost");
  const { sharedTier = null } = options;
  const database = createResultSink({ store, journal, aliasPolicy, onLost });
  const sink = sharedTier ? withSharedTier(database, sharedTier) : database;
  const model = createScriptedModel();
  const languageModel = options.languageModel === undefined ? model : options.languageModel;
  const upgrades = openUpgradeQueue({
    file: ":memory:",
    profileId: profile.id,
    maxBytes: 1_000_000,
    leaseMs: LEASE_MS,
    onError: () => notes.count("upgrade refused"),
    clock,
  });
  const reader = createFakeReader();
  const { recorder, telemetry } = notes;
  const lookup = createLookup({
    memory,
    store,
    sharedTier,
    keeping,
    quorum: aliases && aliases.quorum,
    recorder,
    upgrades,
    telemetry,
    clock,
  });
  const leases = openLeases({
    ledger: step("leases", raw.leases),
    ttlMs: LEASE_MS,
    isAvailable: () => store.isAvailable(),
  });
  const classifyUpload = createClassifyUpload({
    identify: options.identify ?? identify,
    lookup,
    store,
    reader: step("reader", reader),
    classify: createClassify({
      mode,
      profile,
      languageModel: languageModel && step("model", languageModel),
      localModel: options.localModel ?? null,
      localReserveMs: 1_000,
    }),
    takeTurn: createTakeTurn({
      leases,
      lookup,
      profileId: profile.id,
      reserveMs: 1_000,
      telemetry,
      pause: pause ? () => pause("a turn is waited for") : Bun.sleep,
      random: () => 0.5,
      clock,
    }),
    keeping,
    memory,
    sink,
    upgrades,
    rejections: new LRUCache<string, AppError>({ max: 100 }),
    aliases,
    telemetry,
    thumbnailShape: null,
    willEncode: () => true,
    deadlineMs: 10_000,
    clock,
  });

  return {
    upload: (bytes: Uint8Array, caller: CallerId, claimedHash: ImageHash | null = null) =>
      classifyUpload({ bytes, caller, claimedHash }),
    ask: (hash: ImageHash, caller: CallerId) => lookup.find(hash, caller),
    lookup,
    memory,
    store,
    outage,
    journal,
    sink,
    invalidations: guardInvalidations(raw.invalidations, createGuard(), 1_000),
    upgrades,
    keeping,
    model,
    reader,
    notes,
    time,
    async [Symbol.asyncDispose]() {
      if (!options.database) await raw.close();
      journal.close();
      upgrades.close();
    },
  };
}

/** While `isDown`, every call answers that the database is unavailable. */
function withOutages<Store extends object>(store: Store, outage: { isDown: boolean }): Store {
  return wrapMethods(store, (method, call) => {
    if (method === "isAvailable") return !outage.isDown;
    return outage.isDown
      ? Promise.resolve({ ok: false, reason: "unavailable", detail: "" })
      : call();
  });
}

/** Pauses before every asynchronous method of a port. */
function pausing<Port extends object>(name: string, port: Port, pause: Pause): Port {
  return wrapMethods(port, (method, call) =>
    method === "isAvailable" ? call() : pause(`${name}.${method}`).then(call),
  );
}

function wrapMethods<Port extends object>(
  port: Port,
  wrap: (method: string, call: () => unknown) => unknown,
): Port {
  return new Proxy(port, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key);
      if (typeof member !== "function") return member;
      return (...args: unknown[]) => wrap(String(key), () => member.apply(target, args));
    },
  });
}
