import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Digest } from "../../src/classification/identity.ts";
import { createInvalidationPoller } from "../../src/invalidations/create-invalidation-poller.ts";
import { createGuard } from "../../src/storage/guard.ts";
import { guardInvalidations } from "../../src/storage/guarded-store.ts";
import { type MysqlStore, openMysqlStore } from "../../src/storage/mysql/open-mysql-store.ts";
import { openMariadb, type TestMariadb } from "../support/mariadb.ts";
import { newDigest } from "../support/results.ts";
import { MYSQL_OPTIONS } from "./migrate-in-processes.ts";

let mariadb: TestMariadb;
let store: MysqlStore;
beforeAll(async () => {
  mariadb = await openMariadb();
  store = openMysqlStore({ ...MYSQL_OPTIONS, url: await mariadb.createDatabase() });
  await store.migrate();
}, 60_000);
afterAll(async () => {
  await store.close();
  await mariadb.stop();
}, 60_000);

function openPoller() {
  const applied: Digest[] = [];
  const { poll } = createInvalidationPoller({
    log: guardInvalidations(store.invalidations, createGuard(), 2_000),
    memory: { invalidate: ({ digest }) => void applied.push(digest), clear() {} },
    upgrades: { discard: () => 0 },
    sharedTier: null,
    clock: Date.now,
  });
  return { applied, poll };
}

test.each(["after", "before"])(
  "a transaction that took its id before the poller's start %s and commits last is seen",
  async (order) => {
    const [slow, quick] = [newDigest(), newDigest()];
    const { applied, poll } = openPoller();
    if (order === "after") await poll();
    const connection = await store.client.promise().getConnection();
    await connection.beginTransaction();
    await connection.query(
      "insert into invalidations (kind, digest, made_before) values ('purged', unhex(?), ?)",
      [slow, Date.now()],
    );
    await store.invalidations.announce([{ kind: "purged", digest: quick, before: Date.now() }]);
    if (order === "before") await poll();
    await poll();
    expect(applied).toContain(quick);
    expect(applied).not.toContain(slow);

    await connection.commit();
    connection.release();
    await poll();
    await poll();
    expect(applied.filter((digest) => digest === slow)).toEqual([slow]);
    expect(applied.filter((digest) => digest === quick)).toEqual([quick]);
  },
);
