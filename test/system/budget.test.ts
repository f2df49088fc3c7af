import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { type Answer, createAlbum, readHealth, upload } from "../support/album.ts";
import { behaviours, startFakeProvider, type FakeProvider } from "../support/fake-provider.ts";
import { openMariadb, type TestMariadb } from "../support/mariadb.ts";
import {
  createDataDir,
  startServer,
  type ServerProcess,
  type Settings,
} from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { createModelDir, type ModelDir } from "../workers/fixtures/model-dir.ts";

const PROCESSES = 4;
const PHOTOS = 1_000;
const BUDGET = 100;
/** Uploads under way at once, over all processes. */
const CLIENTS = 100;
const newPhoto = await createAlbum();

let provider: FakeProvider;
let mariadb: TestMariadb;
let models: ModelDir;
beforeAll(async () => {
  provider = startFakeProvider({ keepRequests: 0 });
  mariadb = await openMariadb();
  models = await createModelDir();
}, 60_000);
afterAll(async () => {
  await provider.stop();
  await mariadb.stop();
  await models[Symbol.asyncDispose]();
}, 60_000);

const start = (dataDir: string, settings: Settings) =>
  startServer(dataDir, {
    LLM_BASE_URL: provider.baseUrl,
    MODELS_DIR: models.path,
    LOCAL_MODEL: "tiny",
    LOCAL_WORKERS: "1",
    ...settings,
  });

/** Several servers on one database, each with a folder of its own. */
async function startServers(count: number, settings: Settings) {
  const stack = new AsyncDisposableStack();
  const database = {
    DATABASE_URL: await mariadb.createDatabase(),
    DATABASE_POOL_SIZE: "5",
    // Without the database no call is made: a busy machine must not look like that.
    DATABASE_ACQUIRE_TIMEOUT_MS: "20000",
    DATABASE_STATEMENT_TIMEOUT_MS: "20000",
  };
  const starts = Array.from({ length: count }, async () => {
    const dir = stack.use(await createDataDir());
    return start(dir.path, { ...database, ...settings });
  });
  const servers: ServerProcess[] = [];
  for (const started of await Promise.all(starts)) servers.push(stack.use(started));
  return { servers, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** Uploads new photos, each to the next server in turn; resolves to the answers. */
async function uploadAll(servers: readonly ServerProcess[], count: number): Promise<Answer[]> {
  const answers: Answer[] = [];
  let next = 0;
  async function client() {
    while (next < count) {
      const { url } = servers[next++ % servers.length]!;
      const { status, answer } = await upload(url, newPhoto());
      expect(status).toBe(200);
      answers.push(answer);
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return answers;
}

const countBy = (answers: readonly Answer[]) => ({
  final: answers.filter(({ data }) => data?.inference_method === "llm" && !data.provisional).length,
  provisional: answers.filter(
    ({ data }) => data?.inference_method === "local_fallback" && data.provisional,
  ).length,
});

test("four processes on one MariaDB: exactly as many calls as the budget allows, every upload answered", async () => {
  await using system = await startServers(PROCESSES, { LLM_DAILY_CALLS: String(BUDGET) });
  const before = provider.calls.count;
  const answers = await uploadAll(system.servers, PHOTOS);
  expect(provider.calls.count - before).toBe(BUDGET);
  expect(countBy(answers)).toEqual({ final: BUDGET, provisional: PHOTOS - BUDGET });
  for (const { url } of system.servers)
    expect(await usedUp(url)).toMatchObject({ calls: BUDGET, calls_limit: BUDGET, cost: 0.1 });
}, 120_000);

/** Health shows the budget a few seconds late. */
const usedUp = (url: string) =>
  waitFor("the budget is shown as used up", async () => {
    const { budget } = (await readHealth(url)).details;
    return budget?.exhausted ? budget : null;
  });

test("a process that dies takes what it reserved with it", async () => {
  await using dir = await createDataDir();
  const settings = { LLM_DAILY_CALLS: "3" };
  const before = provider.calls.count;
  const called = () => provider.calls.count - before;
  {
    await using server = await start(dir.path, settings);
    provider.behave(behaviours.hang());
    const lost = [upload(server.url, newPhoto()), upload(server.url, newPhoto())];
    await waitFor("both calls are under way", () => called() === 2);
    server.signal("SIGKILL");
    await Promise.allSettled(lost);
  }
  provider.behave(behaviours.answer());
  await using server = await start(dir.path, settings);
  const answers = await uploadAll([server], 5);
  expect(called()).toBe(3);
  expect(countBy(answers)).toEqual({ final: 1, provisional: 4 });
}, 60_000);

test("retries count as calls", async () => {
  await using dir = await createDataDir();
  const before = provider.calls.count;
  await using server = await start(dir.path, { LLM_DAILY_CALLS: "2", LLM_MAX_RETRIES: "5" });
  provider.behave(behaviours.status(503));
  const answers = await uploadAll([server], 1);
  provider.behave(behaviours.answer());
  answers.push(...(await uploadAll([server], 3)));
  expect(provider.calls.count - before).toBe(2);
  expect(countBy(answers)).toEqual({ final: 0, provisional: 4 });
}, 60_000);

test("the money of the day is never exceeded", async () => {
  await using dir = await createDataDir();
  const before = provider.calls.count;
  await using server = await start(dir.path, {
    LLM_DAILY_BUDGET: "0.0035",
    COST_PER_API_CALL: "0.001",
  });
  const answers = await uploadAll([server], 20);
  expect(provider.calls.count - before).toBe(3);
  expect(countBy(answers)).toEqual({ final: 3, provisional: 17 });
  const shown = await waitFor("health shows what was spent", async () => {
    const { budget } = (await readHealth(server.url)).details;
    return budget?.calls === 3 ? budget : null;
  });
  expect(shown).toMatchObject({ cost: 0.003, cost_limit: 0.0035, exhausted: true });
}, 60_000);

test("the result, the request log and the metrics say who answered, with how many tokens, at what cost", async () => {
  await using dir = await createDataDir();
  const photo = newPhoto();
  {
    await using server = await start(dir.path, {
      LLM_DAILY_CALLS: "5",
      LLM_MODEL: "fake-vision",
      LLM_INPUT_PRICE: "2",
      LLM_OUTPUT_PRICE: "10",
    });
    await upload(server.url, photo);
    await upload(server.url, photo);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toMatch(/onceover_language_model_cost_total\{[^}]*"fake-vision"\} 0\.0021\n/);
    expect(metrics).toMatch(/onceover_language_model_tokens_total\{.*direction="input"\} 850\n/);
    expect(metrics).toContain("onceover_budget_calls_limit 5\n");
    expect(await server.stop()).toBe(0);
  }
  using database = new Database(join(dir.path, "onceover.db"), { readonly: true });
  const columns = "provider, model, input_tokens, output_tokens, cost_micros";
  const paid = [new URL(provider.baseUrl).host, "fake-vision", 850, 40, 2_100];
  expect(database.query(`select ${columns} from results`).values()).toEqual([paid]);
  const log = database.query(`select ${columns} from request_log order by id`).values();
  expect(log).toEqual([paid, [null, null, null, null, 0]]);
}, 60_000);
