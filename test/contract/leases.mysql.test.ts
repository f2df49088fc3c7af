import { afterAll, beforeAll, expect, test } from "bun:test";
import { openMysqlStore } from "../../src/storage/mysql/open-mysql-store.ts";
import { openMariadb, type TestMariadb } from "../support/mariadb.ts";
import { describeDatabaseLeases } from "./leases.ts";
import { MYSQL_OPTIONS } from "./migrate-in-processes.ts";

let mariadb: TestMariadb;
beforeAll(async () => void (mariadb = await openMariadb()), 60_000);
afterAll(() => mariadb.stop(), 60_000);

async function openStores() {
  const url = await mariadb.createDatabase();
  const stores = [
    openMysqlStore({ ...MYSQL_OPTIONS, url }),
    openMysqlStore({ ...MYSQL_OPTIONS, url }),
  ] as const;
  await stores[0].migrate();
  return stores;
}

describeDatabaseLeases("MariaDB", async () => {
  const stores = await openStores();
  return {
    ledgers: [stores[0].leases, stores[1].leases],
    close: async () => void (await Promise.all(stores.map((store) => store.close()))),
  };
});

test("sessions in different time zones agree on the time", async () => {
  const [one, other] = await openStores();
  for (const [{ client }, zone] of [
    [one, "+13:00"],
    [other, "-11:00"],
  ] as const)
    client.on("connection", (connection) => connection.query(`set time_zone = '${zone}'`));
  const name = `zones:${process.pid}`;
  expect(await one.leases.take(name, "one", 60_000)).toBe(true);
  expect(await other.leases.take(name, "other", 60_000)).toBe(false);
  expect(await other.leases.sweep(10)).toBe(0);
  await Promise.all([one.close(), other.close()]);
});
