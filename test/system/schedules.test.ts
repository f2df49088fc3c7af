import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { openMysqlStore } from "../../src/storage/mysql/open-mysql-store.ts";
import { MYSQL_OPTIONS } from "../contract/migrate-in-processes.ts";
import { checkCache, createAlbum, sha256, upload } from "../support/album.ts";
import { behaviours, startFakeProvider, type FakeProvider } from "../support/fake-provider.ts";
import { openMariadb, type TestMariadb } from "../support/mariadb.ts";
import { newResult } from "../support/results.ts";
import { createDataDir, startServer, type Settings } from "../support/server-process.ts";
import { readMysqlRows } from "../support/stored-rows.ts";
import { waitFor } from "../support/wait-for.ts";
import { createModelDir, type ModelDir } from "../workers/fixtures/model-dir.ts";

const MINUTE_MS = 60_000;
/** More than two batches. */
const EXPIRED = 2_500;
const UPGRADES = 4;
const newPhoto = await createAlbum();

let provider: FakeProvider;
let models: ModelDir;
let mariadb: TestMariadb;
beforeAll(async () => {
  provider = startFakeProvider({ keepRequests: 0 });
  models = await createModelDir();
  mariadb = await openMariadb();
}, 60_000);
beforeEach(() => provider.behave(behaviours.answer()));
afterAll(async () => {
  await provider.stop();
  await models[Symbol.asyncDispose]();
  await mariadb.stop();
}, 60_000);

/** Two machines: a folder each, one database. */
async function startTwo(database: string, settings: Settings) {
  await using stack = new AsyncDisposableStack();
  const start = async () => {
    const dir = stack.use(await createDataDir());
    return stack.use(await startServer(dir.path, { DATABASE_URL: database, ...settings }));
  };
  const servers = [await start(), await start()] as const;
  const owned = stack.move();
  return { servers, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function saveExpired(database: string): Promise<void> {
  const store = openMysqlStore({ ...MYSQL_OPTIONS, url: database });
  const expired = Array.from({ length: EXPIRED }, () => newResult({ expiresAt: 1 }));
  await store.saveResults([...expired, newResult({ expiresAt: null })]);
  await store.close();
}

test(
  "what has expired is deleted each minute by one instance, to its end",
  async () => {
    const database = await mariadb.createDatabase();
    await using world = await startTwo(database, {
      LLM_BASE_URL: provider.baseUrl,
      LOCAL_MODEL: "none",
      LOG_LEVEL: "debug",
    });
    await saveExpired(database);
    const [one, other] = world.servers;
    const linesOf = (message: string) =>
      [...one.log, ...other.log].filter(({ msg }) => msg === message);
    const deletedResults = () =>
      linesOf("deleted what had expired").map(
        ({ deleted }) => (deleted as { results: number }).results,
      );
    await waitFor(
      "everything is deleted, and both have counted the minute",
      () =>
        deletedResults().reduce((sum, count) => sum + count, 0) === EXPIRED &&
        linesOf("scheduled work").some(({ isOwn }) => !isOwn),
      2 * MINUTE_MS,
    );
    // A turn that came while they were saved leaves the rest to the next.
    expect(deletedResults().filter((count) => count > 0).length).toBeLessThanOrEqual(2);
    expect((await readMysqlRows(database)).digests.size).toBe(1);
    const minutes = linesOf("scheduled work")
      .filter(({ isOwn }) => isOwn)
      .map(({ time }) => String(time).slice(0, "2026-11-20T17:00".length));
    expect(new Set(minutes).size).toBe(minutes.length);
  },
  3 * MINUTE_MS,
);

test(
  "the rate of upgrades holds over all instances, and each has its share of them",
  async () => {
    const database = await mariadb.createDatabase();
    provider.behave(behaviours.status(503));
    await using world = await startTwo(database, {
      LLM_BASE_URL: provider.baseUrl,
      LLM_MAX_RETRIES: "0",
      MODELS_DIR: models.path,
      LOCAL_MODEL: "tiny",
      LOCAL_WORKERS: "1",
      UPGRADES_PER_MINUTE: "60",
    });
    const photos = Array.from({ length: UPGRADES }, newPhoto);
    for (const [index, photo] of photos.entries()) {
      const { answer } = await upload(world.servers[index % 2]!.url, photo);
      expect(answer.data).toMatchObject({ provisional: true });
    }
    const calledAt: number[] = [];
    provider.behave(() => {
      calledAt.push(performance.now());
      return behaviours.answer();
    });
    for (const [index, photo] of photos.entries()) {
      const { url } = world.servers[index % 2]!;
      await waitFor("the upgrade", async () => {
        const { data } = (await checkCache(url, sha256(photo))).answer;
        return data?.provisional === false;
      });
    }
    const gaps = calledAt.slice(1).map((at, index) => at - calledAt[index]!);
    expect(gaps).toHaveLength(UPGRADES - 1);
    // A second, less what a busy machine held up the first of the two calls.
    for (const gap of gaps) expect(gap).toBeGreaterThan(700);
  },
  2 * MINUTE_MS,
);
