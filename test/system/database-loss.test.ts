import { afterAll, beforeAll, expect, test } from "bun:test";
import { checkCache, createAlbum, readHealth, sha256, upload } from "../support/album.ts";
import { startFakeProvider, type FakeProvider } from "../support/fake-provider.ts";
import { startMariadb, type TestMariadb } from "../support/mariadb.ts";
import { countMigrations } from "../support/migrations.ts";
import {
  createDataDir,
  startServer,
  type ServerProcess,
  type Settings,
} from "../support/server-process.ts";
import { readMysqlRows } from "../support/stored-rows.ts";
import { waitFor } from "../support/wait-for.ts";

const START_WITHIN_MS = 60_000;
/** One acquire and one statement timeout: what a request may lose to a database that just died. */
const MAX_LATENCY_MS = 3_500;
const ASKERS = 4;
const newPhoto = await createAlbum();

let mariadb: TestMariadb;
let provider: FakeProvider;

beforeAll(async () => {
  mariadb = await startMariadb();
  provider = startFakeProvider({ keepRequests: 0 });
}, START_WITHIN_MS);
afterAll(async () => {
  await provider.stop();
  await mariadb.stop();
}, START_WITHIN_MS);

interface Load {
  /** Digests of the photos that were uploaded and answered, in order. */
  readonly digests: string[];
  /** The hashes claimed for them. */
  readonly claims: string[];
  /** Ends the load; resolves to what was answered otherwise than wanted, and the longest wait. */
  finish(): Promise<{ surprises: unknown[]; maxLatencyMs: number }>;
}

/** Uploads new photos under claimed hashes and asks about a hot one, without a pause. */
function startLoad(url: string, hot: string): Load {
  const digests: string[] = [];
  const claims: string[] = [];
  const surprises: unknown[] = [];
  let maxLatencyMs = 0;
  const over = new AbortController();

  async function repeat(request: () => Promise<{ status: number; answer: { cached?: boolean } }>) {
    while (!over.signal.aborted) {
      const startedAt = performance.now();
      const { status, answer } = await request();
      maxLatencyMs = Math.max(maxLatencyMs, performance.now() - startedAt);
      if (status !== 200 || answer.cached === false) surprises.push({ status, answer });
    }
  }
  async function uploadNew() {
    const photo = newPhoto();
    const claim = sha256(crypto.getRandomValues(new Uint8Array(8)));
    const headers = { "X-Image-Hash": claim, "X-User-ID": "somebody" };
    const response = await upload(url, photo, headers);
    digests.push(sha256(photo));
    claims.push(claim);
    return response;
  }
  const running = Array.from({ length: ASKERS }, () =>
    Promise.all([repeat(() => checkCache(url, hot)), repeat(uploadNew)]),
  );
  return {
    digests,
    claims,
    async finish() {
      over.abort();
      await Promise.all(running);
      return { surprises, maxLatencyMs };
    },
  };
}

async function withServer(
  settings: Settings,
  work: (server: ServerProcess, restart: () => Promise<ServerProcess>) => Promise<void>,
): Promise<void> {
  await using dir = await createDataDir();
  const all = { LLM_BASE_URL: provider.baseUrl, LOCAL_MODEL: "none", ...settings };
  await using server = await startServer(dir.path, all);
  let second: ServerProcess | null = null;
  try {
    await work(server, async () => (second = await startServer(dir.path, all)));
  } finally {
    await (second as ServerProcess | null)?.[Symbol.asyncDispose]();
  }
}

async function expectEverythingStored(url: string, { digests, claims }: Load): Promise<void> {
  await waitFor(
    "every answered photo and every claim is in the database",
    async () => {
      const rows = await readMysqlRows(url);
      const stored = new Set(rows.claims);
      return (
        digests.every((digest) => rows.digests.has(digest)) &&
        claims.every((claim) => stored.has(claim))
      );
    },
    30_000,
  );
}

test("MariaDB is killed and comes back under load: nobody notices, nothing is lost", async () => {
  const url = await mariadb.createDatabase();
  await withServer({ DATABASE_URL: url }, async (server) => {
    const hot = newPhoto();
    await upload(server.url, hot);
    const load = startLoad(server.url, sha256(hot));
    await waitFor("uploads go through", () => load.digests.length > 20);

    await mariadb.kill();
    const before = load.digests.length;
    await waitFor("uploads go on", () => load.digests.length > before + 100, 30_000);
    expect(await readHealth(server.url)).toMatchObject({
      status: "unhealthy",
      database: "disconnected",
      model_api: "available",
    });

    await mariadb.restart();
    await waitFor("the database answers", async () => {
      const { status, database } = await readHealth(server.url);
      return status === "healthy" && database === "connected";
    });
    const { surprises, maxLatencyMs } = await load.finish();
    expect(surprises).toEqual([]);
    expect(maxLatencyMs).toBeLessThan(MAX_LATENCY_MS);
    await expectEverythingStored(url, load);
    expect((await readHealth(server.url)).details.journal_entries).toBe(0);
    expect(await server.stop()).toBe(0);
  });
}, 120_000);

test("the server is killed while the database is down: the journal survives, and so does a start without database", async () => {
  const url = await mariadb.createDatabase();
  await withServer({ DATABASE_URL: url }, async (server, restart) => {
    const hot = newPhoto();
    await upload(server.url, hot);
    await mariadb.kill();
    const load = startLoad(server.url, sha256(hot));
    await waitFor("uploads are answered", () => load.digests.length > 30, 30_000);
    const { surprises } = await load.finish();
    expect(surprises).toEqual([]);
    server.signal("SIGKILL");
    await server.exited;

    const again = await restart();
    const levels = again.log.filter(({ msg }) => msg.includes("cannot be reached"));
    expect(levels.map(({ level }) => level)).toEqual(["error"]);
    const { status, database, details } = await readHealth(again.url);
    expect({ status, database }).toEqual({ status: "unhealthy", database: "disconnected" });
    expect(details.journal_entries).toBeGreaterThan(30);

    await mariadb.restart();
    // Nobody asks this server anything: it must find out by itself.
    await expectEverythingStored(url, load);
    expect(await readHealth(again.url)).toMatchObject({
      status: "healthy",
      database: "connected",
    });
  });
}, 120_000);

test("the first start of all finds no database: the schema comes when the database does", async () => {
  const url = await mariadb.createDatabase();
  await mariadb.kill();
  await withServer({ DATABASE_URL: url }, async (server) => {
    const photo = newPhoto();
    const { status } = await upload(server.url, photo);
    expect(status).toBe(200);
    await mariadb.restart();
    await waitFor("the photo is in the database", async () => {
      const { digests, migrations } = await readMysqlRows(url);
      return migrations === countMigrations("mysql") && digests.has(sha256(photo));
    });
    expect(server.log.some(({ msg }) => msg === "the database is there")).toBe(true);
  });
}, 120_000);
