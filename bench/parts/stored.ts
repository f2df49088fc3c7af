import { NOBODY } from "../../src/classification/alias.ts";
import type { Digest } from "../../src/classification/identity.ts";
import type { ResultStore } from "../../src/classification/ports/result-store.ts";
import { DEFAULT_PROFILE } from "../../src/classification/profile.ts";
import { guardStore } from "../../src/storage/guarded-store.ts";
import { openMysqlStore } from "../../src/storage/mysql/open-mysql-store.ts";
import { openSqliteStore } from "../../src/storage/sqlite/open-sqlite-store.ts";
import { startMariadb } from "../../test/support/mariadb.ts";
import { openPointReads, type PointRead } from "../baselines/point-read.ts";
import { writeHashes } from "../data/album.ts";
import { fillStore } from "../data/results.ts";
import { compare } from "../measure/interleave.ts";
import { compareOperations } from "../measure/operations.ts";
import { atLeast, type Part, type PartContext, type Row } from "../part.ts";
import { describePerformance } from "../report.ts";
import { startBaseline, startCacheServer } from "../servers/start-server.ts";

const RATIO = 0.6;
/** So many that a memory tier of one entry never has the right one. */
const KNOWN_PHOTOS = 5_000;
const POOL_SIZE = 10;
const HTTP_CONNECTIONS = 32;
const PATH = "/api/v1/classify/check-cache";

interface Database {
  name: string;
  store: ResultStore & { migrate(): Promise<void> };
  /** Reads one result's row on the store's own handle, with the least that the driver needs. */
  pointRead: PointRead;
  /** Reads under way at a time: what one request after the other, or a busy pool, makes. */
  inFlight: number;
  /** As `openPointReads` takes it. */
  address: string;
  settings: Record<string, string>;
}

export const measureSqlite: Part = async (context) => {
  const file = `${context.folder}/onceover.db`;
  const store = openSqliteStore({ file });
  await store.migrate();
  const pointRead = openPointReads({ sqlite: store.client });
  try {
    const database = { name: "SQLite", store, pointRead, inFlight: 1, address: file, settings: {} };
    return await measureDatabase(database, context);
  } finally {
    await store.close();
  }
};

export const measureMariadb: Part = async (context) => {
  const server = await startMariadb();
  const url = await server.createDatabase();
  const store = openMysqlStore({
    url,
    poolSize: POOL_SIZE,
    acquireTimeoutMs: 5_000,
    statementTimeoutMs: 5_000,
    connectTimeoutMs: 5_000,
  });
  try {
    const settings = { DATABASE_URL: url, DATABASE_POOL_SIZE: String(POOL_SIZE) };
    const pointRead = openPointReads({ mysql: store.client });
    const database = { name: "MariaDB", store, pointRead, inFlight: POOL_SIZE, address: url };
    return await measureDatabase({ ...database, settings }, context);
  } finally {
    await store.close();
    await server.stop();
  }
};

async function measureDatabase(database: Database, context: PartContext): Promise<Row[]> {
  const digests = await fillStore(database.store, KNOWN_PHOTOS);
  return [
    await measureFind(database, digests, context),
    await measureHttp(database, digests, context),
  ];
}

/** The guarded store's `find`, as a lookup calls it. */
async function measureFind(
  { name, store, pointRead, inFlight }: Database,
  digests: readonly Digest[],
  { effort }: PartContext,
): Promise<Row> {
  const guarded = guardStore(store, { readTimeoutMs: 5_000 });
  const profileId = DEFAULT_PROFILE.id;
  const digestOf = (index: number) => digests[index % digests.length]!;
  const { baseline, subject, throughputRatio, cpuRatio } = await compareOperations(
    (index) => pointRead(profileId, digestOf(index)),
    async (index) => {
      const hashes = [digestOf(index)];
      const now = Date.now();
      const query = { profileId, hashes, caller: NOBODY, quorum: 2, now, fresh: true };
      const outcome = await guarded.find(query);
      if (!outcome.ok || outcome.value.size !== 1) throw new Error(`${name} did not find a result`);
    },
    inFlight,
    effort,
  );
  return {
    what: `${name} hit, guarded store's find`,
    baseline: `raw prepared read ${describePerformance(baseline)}`,
    ours: describePerformance(subject),
    ratio: throughputRatio,
    cpuRatio,
    target: atLeast(RATIO, throughputRatio.median),
  };
}

/** The same over HTTP: the product without a useful memory tier, and a bare server that reads raw. */
async function measureHttp(
  { name, address, settings }: Database,
  digests: readonly Digest[],
  { effort, folder }: PartContext,
): Promise<Row> {
  await using server = await startCacheServer(folder, { MEMORY_CACHE_ENTRIES: "1", ...settings });
  await using bare = await startBaseline("point-read", address);
  const args = [await writeHashes(folder, digests)];
  const load = { script: "check-cache" as const, args, connections: HTTP_CONNECTIONS };
  const { baseline, subject, throughputRatio, cpuRatio } = await compare(
    { pids: [bare.pid], load: { ...load, url: `${bare.url}${PATH}` } },
    { pids: [server.pid], load: { ...load, url: `${server.url}${PATH}` } },
    effort,
  );
  return {
    what: `check-cache hit from ${name}, over HTTP`,
    baseline: `bare Bun.serve with raw read ${describePerformance(baseline)}`,
    ours: describePerformance(subject),
    ratio: throughputRatio,
    cpuRatio,
  };
}
