import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { checkCache, createAlbum, sha256, upload } from "../support/album.ts";
import { startFakeProvider, type FakeProvider } from "../support/fake-provider.ts";
import { openMariadb, type TestMariadb } from "../support/mariadb.ts";
import { countMigrations } from "../support/migrations.ts";
import { createDataDir, startServer, type Settings } from "../support/server-process.ts";
import { readMysqlRows, readSqliteRows } from "../support/stored-rows.ts";

const PROCESSES = 4;
const STAMPEDE = 1_000;
const newPhoto = await createAlbum();

let provider: FakeProvider;
let mariadb: TestMariadb;

beforeAll(async () => {
  provider = startFakeProvider({ keepRequests: 0 });
  mariadb = await openMariadb();
}, 60_000);
afterAll(async () => {
  await provider.stop();
  await mariadb.stop();
}, 60_000);

async function database(kind: "SQLite" | "MariaDB", dataDir: string) {
  if (kind === "SQLite") return { settings: {}, read: () => readSqliteRows(dataDir) };
  const url = await mariadb.createDatabase();
  return { settings: { DATABASE_URL: url } as Settings, read: () => readMysqlRows(url) };
}

for (const kind of ["SQLite", "MariaDB"] as const) {
  describe(kind, () => {
    test("four processes start at once on an empty database and share results", async () => {
      await using dir = await createDataDir();
      const { settings, read } = await database(kind, dir.path);
      const start = () =>
        startServer(dir.path, { LLM_BASE_URL: provider.baseUrl, LOCAL_MODEL: "none", ...settings });
      const starts = await Promise.allSettled(Array.from({ length: PROCESSES }, start));
      await using servers = new AsyncDisposableStack();
      for (const { value } of starts.filter(({ status }) => status === "fulfilled") as {
        value: Awaited<ReturnType<typeof start>>;
      }[])
        servers.use(value);
      const urls = starts.map((started) => {
        if (started.status === "rejected") throw started.reason;
        return started.value.url;
      });

      const before = provider.calls.count;
      const photo = newPhoto();
      const first = await upload(urls[0]!, photo);
      for (const url of urls) {
        const { answer } = await checkCache(url, sha256(photo));
        expect(answer).toMatchObject({ cached: true, data: first.answer.data! });
        expect((await upload(url, photo)).answer.from_cache).toBe(true);
      }
      expect(provider.calls.count - before).toBe(1);
      const { digests, migrations } = await read();
      expect([...digests]).toEqual([sha256(photo)]);
      expect(migrations).toBe(countMigrations(kind === "SQLite" ? "sqlite" : "mysql"));
    });

    test("a thousand uploads of one unknown photo at once: one call, equal answers", async () => {
      await using dir = await createDataDir();
      const { settings, read } = await database(kind, dir.path);
      await using server = await startServer(dir.path, {
        LLM_BASE_URL: provider.baseUrl,
        LOCAL_MODEL: "none",
        ...settings,
      });
      const before = provider.calls.count;
      const photo = newPhoto();
      const answers = await Promise.all(
        Array.from({ length: STAMPEDE }, () => upload(server.url, photo)),
      );
      expect(provider.calls.count - before).toBe(1);
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      expect(new Set(answers.map(({ answer }) => JSON.stringify(answer.data))).size).toBe(1);
      expect([...(await read()).digests]).toEqual([sha256(photo)]);
    });
  });
}
