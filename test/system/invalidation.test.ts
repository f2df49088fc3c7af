import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { checkCache, createAlbum, sha256, upload } from "../support/album.ts";
import { behaviours, startFakeProvider, type FakeProvider } from "../support/fake-provider.ts";
import { openMariadb, type TestMariadb } from "../support/mariadb.ts";
import { drawPhoto } from "../support/pictures.ts";
import { createDataDir, startServer, type Settings } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { createModelDir, type ModelDir } from "../workers/fixtures/model-dir.ts";

const ADMIN_TOKEN = "admin-of-the-system-test";
/** Within it, every process must know. */
const EVERYWHERE_MS = 2_000;

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

/** Two servers: on one folder with SQLite, on folders of their own with MariaDB. */
async function startTwo(kind: "SQLite" | "MariaDB") {
  const opened = new AsyncDisposableStack();
  const first = opened.use(await createDataDir()).path;
  const second = kind === "SQLite" ? first : opened.use(await createDataDir()).path;
  const settings: Settings = {
    ...(kind === "MariaDB" && { DATABASE_URL: await mariadb.createDatabase() }),
    ADMIN_TOKEN,
    LLM_BASE_URL: provider.baseUrl,
    LLM_MAX_RETRIES: "0",
    MODELS_DIR: models.path,
    LOCAL_MODEL: "tiny",
    LOCAL_WORKERS: "1",
  };
  const [one, other] = await Promise.all([
    startServer(first, settings),
    startServer(second, settings),
  ]);
  opened.use(one!);
  opened.use(other!);
  return {
    one: one!.url,
    other: other!.url,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

async function answerOf(url: string, hash: string, user = "nobody") {
  return (await checkCache(url, hash, user)).answer;
}

/** Asks again, so that the answer comes from memory. */
async function warm(url: string, hash: string): Promise<void> {
  await answerOf(url, hash);
  expect((await answerOf(url, hash)).cached).toBe(true);
}

async function purge(url: string, hash: string): Promise<number> {
  const headers = { Authorization: `Bearer ${ADMIN_TOKEN}` };
  const path = `${url}/api/v1/admin/results/${hash}`;
  const { status } = await fetch(path, { method: "DELETE", headers });
  return status;
}

const everywhere = (what: string, probe: () => Promise<boolean>) =>
  waitFor(what, probe, EVERYWHERE_MS);

for (const kind of ["SQLite", "MariaDB"] as const) {
  describe(kind, () => {
    test("a photo purged on one server is served by none", async () => {
      await using servers = await startTwo(kind);
      const urls = [servers.one, servers.other];
      const photo = newPhoto();
      const hash = sha256(photo);
      await upload(servers.one, photo);
      for (const url of urls) await warm(url, hash);

      expect(await purge(servers.one, hash)).toBe(200);
      expect((await answerOf(servers.one, hash)).cached).toBe(false);
      await everywhere("the other forgot it", async () => {
        return !(await answerOf(servers.other, hash)).cached;
      });
      const { answer } = await upload(servers.other, photo);
      expect(answer.from_cache).toBe(false);
      // Who was asked in between may remember for two seconds that nobody knows the photo.
      for (const url of urls) {
        await waitFor("it is known again", async () => (await answerOf(url, hash)).cached);
      }
    }, 60_000);

    test("a provisional result that one server replaced is replaced in the other's answers", async () => {
      await using servers = await startTwo(kind);
      provider.behave(behaviours.status(503));
      const photo = newPhoto();
      const hash = sha256(photo);
      const { answer } = await upload(servers.one, photo);
      expect(answer.data).toMatchObject({ inference_method: "local_fallback", provisional: true });
      await warm(servers.other, hash);

      provider.behave(behaviours.answer());
      const isFinal = async (url: string) => {
        const { data } = await answerOf(url, hash);
        return data?.inference_method === "llm" && !data.provisional;
      };
      await waitFor("one of them upgrades", async () => {
        const finals = await Promise.all([isFinal(servers.one), isFinal(servers.other)]);
        return finals.some(Boolean);
      });
      await everywhere("both answer with the better one", async () => {
        return (await isFinal(servers.one)) && (await isFinal(servers.other));
      });
    }, 60_000);

    test("an alias disputed on one server is shared by none", async () => {
      await using servers = await startTwo(kind);
      const alias = sha256(crypto.getRandomValues(new Uint8Array(16)));
      const claim = (url: string, photo: Uint8Array<ArrayBuffer>, user: string) =>
        upload(url, photo, { "X-Image-Hash": alias, "X-User-ID": user });
      await claim(servers.one, newPhoto(), "ann");
      await claim(servers.one, newPhoto(), "bob");
      await warm(servers.other, alias);

      const contradiction = await drawPhoto({ seed: 41, width: 64, height: 48 });
      await claim(servers.one, Uint8Array.from(contradiction), "eve");
      await everywhere("the other stops sharing it", async () => {
        return !(await answerOf(servers.other, alias)).cached;
      });
      expect((await answerOf(servers.other, alias, "eve")).cached).toBe(true);
    }, 60_000);
  });
}

test("the token printed at the first start, once for all workers, is good after a restart", async () => {
  await using dir = await createDataDir();
  const settings = { LLM_BASE_URL: provider.baseUrl, LOCAL_MODEL: "none", WORKERS: "2" };
  const start = () => startServer(dir.path, settings);
  let complaints: string;
  {
    await using server = await start();
    await server.stop();
    complaints = await server.complaints;
  }
  const tokens = [...complaints.matchAll(/token, shown only this once: (\S+)$/gm)];
  expect(tokens).toHaveLength(1);

  await using server = await start();
  const path = `${server.url}/api/v1/admin/results/${sha256(newPhoto())}`;
  const statusWith = async (token: string) =>
    (await fetch(path, { method: "DELETE", headers: { Authorization: `Bearer ${token}` } })).status;
  for (let request = 0; request < 6; request++) {
    expect(await statusWith(tokens[0]![1]!)).toBe(404);
    expect(await statusWith(ADMIN_TOKEN)).toBe(401);
  }
  await server.stop();
  expect(await server.complaints).not.toContain("token");
}, 60_000);
