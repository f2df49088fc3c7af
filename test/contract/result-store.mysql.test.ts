import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer, type Server, type Socket } from "node:net";
import { NOBODY } from "../../src/classification/alias.ts";
import type { Digest } from "../../src/classification/identity.ts";
import { type MysqlStore, openMysqlStore } from "../../src/storage/mysql/open-mysql-store.ts";
import { openMariadb, startMariadb, type TestMariadb } from "../support/mariadb.ts";
import { countMigrations } from "../support/migrations.ts";
import { MYSQL_OPTIONS, migrateInProcesses } from "./migrate-in-processes.ts";
import { describeResultStore } from "./result-store.ts";

let mariadb: TestMariadb;
beforeAll(async () => {
  mariadb = await openMariadb();
});
afterAll(() => mariadb.stop());

const stores: MysqlStore[] = [];
afterAll(() => Promise.all(stores.map((store) => store.close())));

function openStore(url: string, options: Partial<typeof MYSQL_OPTIONS> = {}): MysqlStore {
  const store = openMysqlStore({ ...MYSQL_OPTIONS, ...options, url });
  stores.push(store);
  return store;
}

const anything = {
  profileId: "profile",
  hashes: ["0".repeat(64) as Digest],
  caller: NOBODY,
  quorum: 2,
  now: 0,
  fresh: true,
};

describeResultStore("MariaDB", async () => {
  const store = openStore(await mariadb.createDatabase());
  return { store, close: () => store.close() };
});

describe("migration", () => {
  test("several processes may migrate the same database at once", async () => {
    const url = await mariadb.createDatabase();
    await migrateInProcesses("mysql", url);
    const [rows] = await openStore(url)
      .client.promise()
      .query("select count(*) as n from __drizzle_migrations");
    expect(rows).toEqual([{ n: countMigrations("mysql") }] as never);
  });

  test("texts are kept whole in a database with another character set", async () => {
    const url = await mariadb.createDatabase();
    const store = openStore(url);
    await store.client.promise().query("alter database character set latin1");
    await store.migrate();
    const [[row]] = await store.client.promise().query<never[]>(
      `select distinct character_set_name as charset from information_schema.columns
       where table_schema = database() and table_name in ('results', 'request_log') and character_set_name is not null`,
    );
    expect(row).toEqual({ charset: "utf8mb4" } as never);
  });

  test("a wrong password is refused, and not shown", async () => {
    const url = new URL(await mariadb.createDatabase());
    url.username = "nobody";
    url.password = "s3cret";
    const error = await openStore(url.href)
      .migrate()
      .catch((e) => e);
    expect(error).toMatchObject({ name: "DatabaseError", kind: "refused" });
    expect(Bun.inspect(error)).not.toContain("s3cret");
    expect(error.message).not.toContain("\n");
  });

  test("an unknown database is refused", async () => {
    const error = await openStore(mariadb.url("missing"))
      .migrate()
      .catch((e) => e);
    expect(error).toMatchObject({ name: "DatabaseError", kind: "refused" });
    expect(error.message).toContain("Unknown database");
  });

  test("a server that is down is unreachable", async () => {
    const server = await listen(() => {});
    const url = urlOf(server);
    server.close();
    const error = openStore(url).migrate();
    await expect(error).rejects.toMatchObject({ kind: "unreachable" });
  });

  test("a server that says nothing is unreachable", async () => {
    const server = await listen(() => {});
    const error = await openStore(urlOf(server), { connectTimeoutMs: 100 })
      .migrate()
      .catch((e) => e);
    expect(error).toMatchObject({ kind: "unreachable" });
    server.close();
  });

  test("what is no URL is refused when the store is opened, and not shown", () => {
    expect(() => openStore("mysql:user:s3cret")).toThrow(/database URL/);
    expect(() => openStore("postgres://user:s3cret@host/name")).toThrow(/database URL/);
  });
});

describe("deadlines", () => {
  test("waits for a connection only so long, and gets back one that comes late", async () => {
    const store = openStore(await mariadb.createDatabase(), { poolSize: 1, acquireTimeoutMs: 50 });
    const holder = await store.client.promise().getConnection();
    await expect(store.ping()).rejects.toThrow("no connection within 50 ms");
    await expect(store.ping()).rejects.toMatchObject({ kind: "unreachable" });
    holder.release();
    for (let call = 0; call < 3; call++) await store.ping();
  });

  test("the server ends a statement that takes too long", async () => {
    const store = openStore(await mariadb.createDatabase(), { statementTimeoutMs: 100 });
    const slow = store.client.promise().query("select sleep(30)");
    await expect(slow).rejects.toThrow(/max_statement_time|interrupted/i);
  });

  test("gives up on a server that stops answering, and uses another connection next", async () => {
    const proxy = await openProxy(await mariadb.createDatabase());
    const store = openStore(proxy.url, {
      poolSize: 1,
      statementTimeoutMs: 200,
      acquireTimeoutMs: 200,
      connectTimeoutMs: 300,
    });
    await store.ping();
    proxy.hold();
    await expect(store.ping()).rejects.toThrow("no answer within 200 ms");
    await expect(store.find(anything)).rejects.toThrow("no connection within 200 ms");
    proxy.resume();
    // The connection that is being opened fails first; the one after it works.
    while (
      !(await store.ping().then(
        () => true,
        () => false,
      ))
    );
    proxy.close();
  });

  test("closing does not wait for a statement without an answer", async () => {
    const proxy = await openProxy(await mariadb.createDatabase());
    const store = openStore(proxy.url, { statementTimeoutMs: 60_000 });
    await store.ping();
    proxy.hold();
    const unanswered = store.ping();
    unanswered.catch(() => {});
    await store.close();
    proxy.close();
    await expect(store.ping()).rejects.toThrow("closed");
  });
});

describe("a server that dies", () => {
  test("is connected to again after it came back", async () => {
    const own = await startMariadb();
    try {
      const store = openStore(await own.createDatabase());
      await store.migrate();
      await Promise.all(Array.from({ length: 5 }, () => store.find(anything)));
      await own.kill();
      const calls = Array.from({ length: 20 }, () => store.find(anything));
      for (const outcome of await Promise.allSettled(calls))
        expect(outcome.status).toBe("rejected");
      await own.restart();
      await store.ping();
      expect(await store.find(anything)).toEqual(new Map());
    } finally {
      await own.stop();
    }
  }, 30_000);
});

async function listen(onConnection: (socket: Socket) => void): Promise<Server> {
  const server = createServer(onConnection);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

function urlOf(server: Server, database = "any"): string {
  const { port } = server.address() as { port: number };
  return `mysql://root@127.0.0.1:${port}/${database}`;
}

/** Passes bytes on to the real server, until it holds back what the server says. */
async function openProxy(target: string) {
  const { hostname, port, pathname } = new URL(target);
  const { connect } = await import("node:net");
  let isHeld = false;
  const server = await listen((client) => {
    const upstream = connect(Number(port), hostname);
    client.on("data", (bytes) => upstream.write(bytes));
    upstream.on("data", (bytes) => isHeld || client.write(bytes));
    for (const socket of [client, upstream])
      socket.on("error", () => {}).on("close", () => (client.destroy(), upstream.destroy()));
  });
  return {
    url: urlOf(server, pathname.slice(1)),
    hold: () => (isHeld = true),
    resume: () => (isHeld = false),
    close: () => server.close(),
  };
}
