import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { createAlbum, upload } from "../support/album.ts";
import { behaviours, startFakeProvider, type FakeProvider } from "../support/fake-provider.ts";
import { openMariadb, type TestMariadb } from "../support/mariadb.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import {
  createDataDir,
  startServer,
  type ServerProcess,
  type Settings,
} from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const UPLOADS = 200;
const MODEL_MS = 1_000;
const newPhoto = await createAlbum();

let provider: FakeProvider;
let mariadb: TestMariadb;
let redis: TestRedis;
beforeAll(async () => {
  provider = startFakeProvider({ keepRequests: 0 });
  [mariadb, redis] = await Promise.all([openMariadb(), startRedis()]);
}, 60_000);
beforeEach(() => provider.behave(behaviours.answer()));
afterAll(async () => {
  await Promise.all([provider.stop(), mariadb.stop(), redis.stop()]);
}, 60_000);

const SHARED = ["SQLite", "MariaDB", "MariaDB and one Redis"] as const;
type Shared = (typeof SHARED)[number];

async function settingsFor(shared: Shared): Promise<Settings> {
  if (shared === "SQLite") return {};
  const DATABASE_URL = await mariadb.createDatabase();
  return shared === "MariaDB" ? { DATABASE_URL } : { DATABASE_URL, REDIS_URL: redis.url };
}

/** Servers that share a folder and what leases are kept in. */
async function startServers(shared: Shared, count: number) {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await createDataDir());
  const settings = {
    LLM_BASE_URL: provider.baseUrl,
    LOCAL_MODEL: "none",
    LLM_MAX_RETRIES: "0",
    ...(await settingsFor(shared)),
  };
  const started = await Promise.all(
    Array.from({ length: count }, () => startServer(dir.path, settings)),
  );
  for (const server of started) stack.use(server);
  const owned = stack.move();
  return {
    servers: started,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** How many photos this server came to by each kind of turn. */
async function readTurns({ url }: ServerProcess): Promise<Record<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.matchAll(/^onceover_turns_total\{kind="(\w+)"\} (\d+)$/gm);
  return Object.fromEntries([...lines].map(([, kind, count]) => [kind!, Number(count)]));
}

for (const shared of SHARED) {
  describe(`several processes on one ${shared}`, () => {
    test("uploads of one unknown photo to all of them at once: one call, equal answers", async () => {
      await using world = await startServers(shared, 3);
      const { servers } = world;
      provider.behave(behaviours.slow(MODEL_MS));
      const before = provider.calls.count;
      const photo = newPhoto();
      const answers = await Promise.all(
        Array.from({ length: UPLOADS }, (_, index) =>
          upload(servers[index % servers.length]!.url, photo),
        ),
      );
      expect(provider.calls.count - before).toBe(1);
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      expect(new Set(answers.map(({ answer }) => JSON.stringify(answer.data))).size).toBe(1);
      const turns = await Promise.all(servers.map(readTurns));
      expect(turns).toContainEqual({ own: 1 });
      expect(turns.filter((turn) => "found" in turn).length).toBeGreaterThan(0);
    }, 60_000);

    test("another process takes over when the one with the lease dies in mid-call", async () => {
      await using world = await startServers(shared, 3);
      const [owner, ...others] = world.servers as [ServerProcess, ...ServerProcess[]];
      const before = provider.calls.count;
      const photo = newPhoto();
      provider.behave((_, index) => (index === before ? behaviours.hang() : behaviours.answer()));
      const lost = upload(owner.url, photo).catch(() => "lost");
      await waitFor("the owner's call hangs", () => provider.calls.count - before === 1);
      const waiting = others.map((server) => upload(server.url, photo));
      owner.signal("SIGKILL");
      expect(await lost).toBe("lost");
      const answers = await Promise.all(waiting);
      expect(answers.map(({ status }) => status)).toEqual([200, 200]);
      expect(new Set(answers.map(({ answer }) => JSON.stringify(answer.data))).size).toBe(1);
      expect(provider.calls.count - before).toBe(2);
      const turns = await Promise.all(others.map(readTurns));
      // Alone would be a process that gave up waiting.
      expect(turns).toContainEqual({ own: 1 });
      expect(turns).toContainEqual({ found: 1 });
    }, 60_000);
  });
}
