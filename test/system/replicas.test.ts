import { afterAll, beforeAll, expect, test } from "bun:test";
import { checkCache, createAlbum, readHealth, sha256, upload } from "../support/album.ts";
import { startFakeProvider, type FakeProvider } from "../support/fake-provider.ts";
import { startReplicatedMariadb, type ReplicatedMariadb } from "../support/mariadb-replication.ts";
import { createDataDir, startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const WITHIN_MS = 60_000;
const PHOTOS = 20;
const newPhoto = await createAlbum();

let servers: ReplicatedMariadb;
let provider: FakeProvider;
beforeAll(async () => {
  servers = await startReplicatedMariadb();
  provider = startFakeProvider({ keepRequests: 0 });
}, WITHIN_MS);
afterAll(async () => {
  await provider.stop();
  await servers.stop();
}, WITHIN_MS);

test(
  "a replica dies, comes back and freezes while apps ask: every photo stays known",
  async () => {
    await using dir = await createDataDir();
    const url = await servers.primary.createDatabase();
    await using server = await startServer(dir.path, {
      DATABASE_URL: url,
      DATABASE_REPLICA_URLS: servers.replicaUrl(url),
      LLM_BASE_URL: provider.baseUrl,
      LOCAL_MODEL: "none",
      // Next to no memory, so that the databases are asked.
      MEMORY_CACHE_ENTRIES: "1",
    });
    const photos = Array.from({ length: PHOTOS }, newPhoto);
    for (const photo of photos) await upload(server.url, photo);
    await servers.catchUp();
    const untilUsable = (usable: number) =>
      waitFor(`${usable} usable replicas`, async () => {
        const { details } = await readHealth(server.url);
        expect(details.replicas?.configured).toBe(1);
        return details.replicas?.usable === usable;
      });
    await untilUsable(1);

    let asked = 0;
    const surprises: unknown[] = [];
    const over = new AbortController();
    const asking = (async () => {
      for (; !over.signal.aborted; asked++) {
        const { status, answer } = await checkCache(server.url, sha256(photos[asked % PHOTOS]!));
        if (status !== 200 || !answer.cached) surprises.push({ status, answer });
      }
    })();
    const untilAskedOn = async () => {
      const before = asked;
      await waitFor("every photo is asked for", () => asked > before + PHOTOS);
    };
    await untilAskedOn();
    await servers.replica.kill();
    await untilAskedOn();
    await untilUsable(0);
    await servers.replica.restart();
    await untilUsable(1);
    servers.replica.freeze();
    try {
      await untilAskedOn();
      await untilUsable(0);
      await untilAskedOn();
    } finally {
      servers.replica.thaw();
    }
    await untilUsable(1);
    await untilAskedOn();
    over.abort();
    await asking;
    expect(surprises).toEqual([]);
    expect(await server.stop()).toBe(0);
  },
  WITHIN_MS,
);

test("a pool that the database cannot serve is told at the start", async () => {
  await using dir = await createDataDir();
  const url = await servers.primary.createDatabase();
  await using server = await startServer(dir.path, {
    DATABASE_URL: url,
    DATABASE_POOL_SIZE: "90",
    LOCAL_MODEL: "none",
    LLM_BASE_URL: provider.baseUrl,
  });
  const warnings = server.log.filter(({ level }) => level === "warn");
  expect(warnings.map(({ msg }) => msg)).toEqual([
    expect.stringContaining("allows 100 connections, and this machine may want 91"),
  ]);
});

test("of several processes on one machine one tells it for all", async () => {
  await using dir = await createDataDir();
  await using server = await startServer(dir.path, {
    DATABASE_URL: await servers.primary.createDatabase(),
    DATABASE_POOL_SIZE: "30",
    WORKERS: "2",
    LOCAL_MODEL: "none",
    LLM_BASE_URL: provider.baseUrl,
  });
  await waitFor("all workers listen", () =>
    server.log.some(({ msg }) => msg === "all workers listen"),
  );
  expect(await server.stop()).toBe(0);
  const warnings = server.log.filter(({ level }) => level === "warn");
  expect(warnings.map(({ msg }) => msg)).toEqual([
    expect.stringContaining("this machine may want 92: WORKERS=2"),
  ]);
});
