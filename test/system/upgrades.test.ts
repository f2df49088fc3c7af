import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkCache, createAlbum, readHealth, sha256, upload } from "../support/album.ts";
import { behaviours, startFakeProvider, type FakeProvider } from "../support/fake-provider.ts";
import {
  createDataDir,
  startServer,
  type ServerProcess,
  type Settings,
} from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { createModelDir, type ModelDir } from "../workers/fixtures/model-dir.ts";

/** JPEGs begin so (ITU-T T.81, B.1.1.3, with a JFIF or EXIF segment or a table next). */
const JPEG_START = Buffer.from([0xff, 0xd8, 0xff]);
const newPhoto = await createAlbum();

let provider: FakeProvider;
let models: ModelDir;
beforeAll(async () => {
  provider = startFakeProvider({ keepRequests: 0 });
  models = await createModelDir();
});
beforeEach(() => provider.behave(behaviours.answer()));
afterAll(async () => {
  await provider.stop();
  await models[Symbol.asyncDispose]();
});

const start = (dataDir: string, settings: Settings = {}) =>
  startServer(dataDir, {
    LLM_BASE_URL: provider.baseUrl,
    LLM_MAX_RETRIES: "0",
    MODELS_DIR: models.path,
    LOCAL_MODEL: "tiny",
    LOCAL_WORKERS: "1",
    ...settings,
  });

async function uploadProvisional({ url }: ServerProcess, count: number): Promise<string[]> {
  const photos = Array.from({ length: count }, newPhoto);
  for (const photo of photos) {
    const { answer } = await upload(url, photo);
    expect(answer.data).toMatchObject({ inference_method: "local_fallback", provisional: true });
  }
  return photos.map(sha256);
}

const isFinal = async ({ url }: ServerProcess, digest: string) => {
  const { data } = (await checkCache(url, digest)).answer;
  return data?.inference_method === "llm" && !data.provisional;
};

const areFinal = (server: ServerProcess, digests: readonly string[]) =>
  waitFor("all results are final", async () => {
    const finals = await Promise.all(digests.map((digest) => isFinal(server, digest)));
    return finals.every(Boolean);
  });

function isPictureOnDisk(dataDir: string): boolean {
  return ["upgrades.db", "upgrades.db-wal"]
    .map((name) => join(dataDir, name))
    .some((file) => existsSync(file) && readFileSync(file).includes(JPEG_START));
}

test("provisional results outlive a crash and are upgraded when the provider is back", async () => {
  await using dir = await createDataDir();
  provider.behave(behaviours.status(503));
  let digests: string[];
  {
    await using server = await start(dir.path);
    digests = await uploadProvisional(server, 3);
    expect((await readHealth(server.url)).details.upgrades_waiting).toBe(3);
    server.signal("SIGKILL");
    await server.exited;
  }
  expect(isPictureOnDisk(dir.path)).toBe(true);

  provider.behave(behaviours.answer());
  const before = provider.calls.count;
  await using server = await start(dir.path);
  await areFinal(server, digests);
  expect(provider.calls.count - before).toBe(3);
  await waitFor("the queue is empty", async () => {
    return (await readHealth(server.url)).details.upgrades_waiting === 0;
  });
  expect(isPictureOnDisk(dir.path)).toBe(false);
}, 60_000);

test("they are upgraded out of a later budget, too", async () => {
  await using dir = await createDataDir();
  let digests: string[];
  {
    await using server = await start(dir.path, { LLM_DAILY_CALLS: "1" });
    await upload(server.url, newPhoto());
    digests = await uploadProvisional(server, 2);
    expect(await server.stop()).toBe(0);
  }
  await using server = await start(dir.path, { LLM_DAILY_CALLS: "3" });
  await areFinal(server, digests);
}, 60_000);

test("the most requested goes first, at no more than the rate", async () => {
  await using dir = await createDataDir();
  provider.behave(behaviours.status(503));
  let digests: string[];
  {
    await using server = await start(dir.path);
    digests = await uploadProvisional(server, 3);
    for (let request = 0; request < 5; request++) await checkCache(server.url, digests[1]!);
    expect(await server.stop()).toBe(0);
  }
  const calledAt: number[] = [];
  provider.behave(() => {
    calledAt.push(performance.now());
    return behaviours.answer();
  });
  await using server = await start(dir.path, { UPGRADES_PER_MINUTE: "60" });
  const first = await waitFor("one result is final", async () => {
    for (const digest of digests) if (await isFinal(server, digest)) return digest;
    return null;
  });
  expect(first).toBe(digests[1]!);
  await areFinal(server, digests);
  const gaps = calledAt.slice(1).map((at, index) => at - calledAt[index]!);
  expect(gaps).toHaveLength(2);
  for (const gap of gaps) expect(gap).toBeGreaterThan(990);
}, 60_000);

test("a file that is no queue stops no start, and no upgrade", async () => {
  await using dir = await createDataDir();
  await Bun.write(join(dir.path, "upgrades.db"), "not a database ".repeat(1_000));
  provider.behave(behaviours.status(503));
  await using server = await start(dir.path);
  expect(server.log.find(({ msg }) => msg.includes("only in memory"))?.level).toBe("error");
  const digests = await uploadProvisional(server, 1);
  provider.behave(behaviours.answer());
  await areFinal(server, digests);
}, 60_000);
