import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { callerOf, newDigest, newResult } from "../support/results.ts";
import { NOBODY } from "../../src/classification/alias.ts";
import type { StoredResult } from "../../src/classification/result.ts";
import {
  type MysqlStore,
  type MysqlStoreOptions,
  openMysqlStore,
} from "../../src/storage/mysql/open-mysql-store.ts";
import { startReplicatedMariadb, type ReplicatedMariadb } from "../support/mariadb-replication.ts";
import { waitFor } from "../support/wait-for.ts";
import { MYSQL_OPTIONS } from "./migrate-in-processes.ts";

const WITHIN_MS = 60_000;
const POLICY = { quorum: 2, maxDistance: 6 };

let servers: ReplicatedMariadb;
beforeAll(async () => {
  servers = await startReplicatedMariadb();
}, WITHIN_MS);
afterAll(() => servers.stop(), WITHIN_MS);

interface Opened extends AsyncDisposable {
  store: MysqlStore;
  /** A store of the replica alone, past its primary. */
  behind: MysqlStore;
  /** What the store said about its replicas: null means in use. */
  problems: (string | null)[];
}

/** A migrated database with a heartbeat, copied to the replica. */
async function createCopiedDatabase(): Promise<string> {
  const url = await servers.primary.createDatabase();
  const store = openMysqlStore({ ...MYSQL_OPTIONS, url, replicaUrls: [url] });
  await store.migrate();
  await store.replicas.check();
  await store.close();
  await servers.catchUp();
  return url;
}

/** A store of a database of its own, with a replica unless the options name another, checked once. */
async function open(options: Partial<MysqlStoreOptions> = {}): Promise<Opened> {
  const url = await createCopiedDatabase();
  const problems: (string | null)[] = [];
  const replicaUrl = servers.replicaUrl(url);
  const store = openMysqlStore({
    ...MYSQL_OPTIONS,
    url,
    replicaUrls: [replicaUrl],
    onReplicaChange: (_, problem) => problems.push(problem),
    ...options,
  });
  const behind = openMysqlStore({ ...MYSQL_OPTIONS, url: replicaUrl });
  await store.replicas.check();
  return {
    store,
    behind,
    problems,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([store.close(), behind.close()]);
    },
  };
}

async function isFound(store: MysqlStore, result: StoredResult, fresh: boolean): Promise<boolean> {
  const { profileId, digest } = result;
  const query = { profileId, hashes: [digest], caller: NOBODY, quorum: 2, now: 0, fresh };
  return (await store.find(query)).has(digest);
}

async function untilUsable({ replicas }: MysqlStore, count: number): Promise<void> {
  await waitFor(`${count} usable replicas`, async () => {
    await replicas.check();
    return replicas.countUsable() === count;
  });
}

describe("a replica that is up to date", () => {
  test("answers lookups and the hottest results; all else is the primary's", async () => {
    await using opened = await open();
    const { store, behind } = opened;
    expect(opened.problems).toEqual([null]);
    // Only the replica has these: no real one would.
    const result = newResult();
    await behind.saveResults([result]);
    expect(await isFound(store, result, false)).toBe(true);
    expect(await isFound(store, result, true)).toBe(false);
    expect(await store.findHottest(result.profileId, 10, 0)).toEqual([result]);

    const { profileId, digest, pictureHash } = result;
    const alias = newDigest();
    const claim = { profileId, alias, digest, pictureHash, claimedAt: 0, caller: callerOf("ann") };
    await behind.recordClaim(claim, POLICY);
    expect(await store.findClaimed({ profileId, alias, limit: 10, now: 0 })).toEqual([]);
  });

  test("takes turns with others; one that is not fit is passed by", async () => {
    const url = await createCopiedDatabase();
    const replicaUrls = [url, servers.replicaUrl(url), "mysql://root@127.0.0.1:1/nothing"];
    const store = openMysqlStore({ ...MYSQL_OPTIONS, url, replicaUrls });
    await store.replicas.check();
    expect(store.replicas.countUsable()).toBe(2);
    const copy = openMysqlStore({ ...MYSQL_OPTIONS, url: replicaUrls[1]! });
    const result = newResult();
    await copy.saveResults([result]);
    const answers = [];
    for (let lookup = 0; lookup < 4; lookup++) answers.push(await isFound(store, result, false));
    expect(answers.toSorted()).toEqual([false, false, true, true]);
    await Promise.all([store.close(), copy.close()]);
  });
});

describe("a replica that is not fit", () => {
  test("because it is another database, is never asked", async () => {
    const strangerUrl = await createCopiedDatabase();
    const stranger = openMysqlStore({ ...MYSQL_OPTIONS, url: strangerUrl });
    const result = newResult();
    await stranger.saveResults([result]);

    await using opened = await open({ replicaUrls: [strangerUrl] });
    expect(opened.problems).toEqual(["is no replica of this database"]);
    expect(await isFound(opened.store, result, false)).toBe(false);
    await stranger.close();
  });

  test("because its schema is missing, is not asked until it has come", async () => {
    await servers.pauseCopying();
    const url = await servers.primary.createDatabase();
    const replicaUrls = [servers.replicaUrl(url)];
    const store = openMysqlStore({ ...MYSQL_OPTIONS, url, replicaUrls });
    await store.migrate();
    await store.replicas.check();
    expect(store.replicas.countUsable()).toBe(0);
    const result = newResult();
    await store.saveResults([result]);
    expect(await isFound(store, result, false)).toBe(true);
    await servers.resumeCopying();
    await untilUsable(store, 1);
    await store.close();
  });

  test("because it lags, is not asked until it has caught up", async () => {
    await using opened = await open({ maxReplicaLagMs: 3_000 });
    const { store, problems } = opened;
    await servers.pauseCopying();
    const result = newResult();
    await store.saveResults([result]);
    expect(await isFound(store, result, false)).toBe(false);
    await untilUsable(store, 0);
    expect(problems.at(-1)).toMatch(/^is \d+ ms behind$/);
    expect(await isFound(store, result, false)).toBe(true);
    await servers.resumeCopying();
    await untilUsable(store, 1);
    expect(problems.at(-1)).toBeNull();
  });

  test("because it died, fails no lookup, and is asked again when it is back", async () => {
    await using opened = await open();
    const { store, behind } = opened;
    const result = newResult();
    await store.saveResults([result]);
    await servers.replica.kill();
    for (let lookup = 0; lookup < 10; lookup++)
      expect(await isFound(store, result, false)).toBe(true);
    expect(store.replicas.countUsable()).toBe(0);
    await servers.replica.restart();
    await untilUsable(store, 1);
    const only = newResult();
    await behind.saveResults([only]);
    expect(await isFound(store, only, false)).toBe(true);
  });

  test("because it is frozen, costs no lookup its deadline, and is asked again when it is back", async () => {
    await using opened = await open({ acquireTimeoutMs: 1_000, statementTimeoutMs: 1_000 });
    const { store, problems } = opened;
    const result = newResult();
    await store.saveResults([result]);
    servers.replica.freeze();
    try {
      const lookups = Array.from({ length: 20 }, () => isFound(store, result, false));
      expect(await Promise.all(lookups)).toEqual(Array(20).fill(true));
      expect(store.replicas.countUsable()).toBe(0);
      expect(problems).toEqual([null, "failed repeatedly"]);
      await store.replicas.check();
      expect(store.replicas.countUsable()).toBe(0);
    } finally {
      servers.replica.thaw();
    }
    await untilUsable(store, 1);
  });

  test("because nobody is there, delays no start", async () => {
    const url = await servers.primary.createDatabase();
    const replicaUrls = ["mysql://root@127.0.0.1:1/nothing"];
    const store = openMysqlStore({ ...MYSQL_OPTIONS, url, replicaUrls });
    await store.migrate();
    await store.replicas.check();
    expect(store.replicas.countUsable()).toBe(0);
    const result = newResult();
    await store.saveResults([result]);
    expect(await isFound(store, result, false)).toBe(true);
    await store.close();
  });
});

test(
  "without the primary no replica is asked: nobody could say how old its answers are",
  async () => {
    await using opened = await open();
    const { store, problems } = opened;
    await servers.primary.kill();
    await store.replicas.check();
    expect(store.replicas.countUsable()).toBe(0);
    expect(problems).toEqual([null, "the primary does not answer"]);
    await servers.primary.restart();
    await untilUsable(store, 1);
  },
  WITHIN_MS,
);

test("servers say how many connections they allow; one that is down says nothing", async () => {
  await using opened = await open();
  const limits = await opened.store.readConnectionLimits();
  expect(limits.map(({ limit }) => limit)).toEqual([100, 100]);
  expect(limits.map(({ server }) => server)).toEqual([
    new URL(servers.primary.url()).host,
    new URL(servers.replica.url()).host,
  ]);

  const url = await servers.primary.createDatabase();
  const replicaUrls = ["mysql://root@127.0.0.1:1/nothing"];
  const store = openMysqlStore({ ...MYSQL_OPTIONS, url, replicaUrls });
  expect(await store.readConnectionLimits()).toHaveLength(1);
  await store.close();
});

test("an account's own limit counts where it is lower", async () => {
  await using opened = await open();
  await opened.store.client
    .promise()
    .query("create user few@'127.0.0.1' with max_user_connections 7");
  await opened.store.client.promise().query("grant select on *.* to few@'127.0.0.1'");
  const url = new URL(servers.primary.url("mysql"));
  url.username = "few";
  const store = openMysqlStore({ ...MYSQL_OPTIONS, url: url.href });
  expect(await store.readConnectionLimits()).toEqual([{ server: url.host, limit: 7 }]);
  await store.close();
});
