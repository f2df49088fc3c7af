import { cp, mkdtemp, mkdir, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import mysql from "mysql2/promise";
import { launchOnFreePort } from "./free-port.ts";
import { requireProgram } from "./install-services.ts";

const UID = process.getuid?.() ?? -1;
/** The server refuses to run as root unless it is told to. */
const AS_ROOT = UID === 0 ? ["--user=root"] : [];
const SMALL = ["--innodb-log-file-size=4M", "--innodb-buffer-pool-size=32M"];
const READY_WITHIN_MS = 30_000;
const STOP_WITHIN_MS = 10_000;

export interface TestMariadb {
  /** Address of a database on the server, made by `createDatabase`; without one, the server itself. */
  url(database?: string): string;
  /** Makes an empty database of its own name; resolves to its URL. */
  createDatabase(): Promise<string>;
  /** Kills the server without warning, as a crash would. Only a server of one's own. */
  kill(): Promise<void>;
  /** Starts a killed server again, on the same port with the same data. */
  restart(): Promise<void>;
  /** Stops the server's process where it is: its connections stay open and say nothing. Only a server of one's own. */
  freeze(): void;
  thaw(): void;
  /** Drops what `createDatabase` made; ends a server of one's own and deletes its data. */
  stop(): Promise<void>;
}

/**
 * A real MariaDB with empty databases. Uses the server that `TEST_MARIADB_URL` (an administrator's
 * URL) names where the variable is set, else starts one.
 */
export async function openMariadb(): Promise<TestMariadb> {
  const shared = process.env["TEST_MARIADB_URL"];
  if (shared === undefined) return startMariadb();
  return onServer(shared, {
    kill: () => Promise.reject(new Error("the shared server is not this test's to kill")),
    restart: () => Promise.reject(new Error("the shared server is not this test's to restart")),
    freeze: refuseToFreeze,
    thaw: refuseToFreeze,
    stop: () => Promise.resolve(),
  });
}

function refuseToFreeze(): never {
  throw new Error("the shared server is not this test's to freeze");
}

/**
 * Starts a server of one's own, from `mariadbd` on the PATH or in /usr/sbin, with fresh data in a
 * temporary folder. `options` of the command line come last, so they win.
 */
export async function startMariadb(options: readonly string[] = []): Promise<TestMariadb> {
  const folder = await mkdtemp(join(tmpdir(), "onceover-mariadb-"));
  await cp(await initialisedData(), join(folder, "data"), { recursive: true });
  let { server, port } = await launchOnFreePort((port) => launch(folder, port, options));
  return onServer(`mysql://root@127.0.0.1:${port}`, {
    async kill() {
      server.kill("SIGKILL");
      await server.exited;
    },
    async restart() {
      server = await launch(folder, port, options);
    },
    freeze: () => server.kill("SIGSTOP"),
    thaw: () => server.kill("SIGCONT"),
    async stop() {
      server.kill("SIGCONT");
      server.kill("SIGTERM");
      const timer = setTimeout(() => server.kill("SIGKILL"), STOP_WITHIN_MS);
      await server.exited;
      clearTimeout(timer);
      await rm(folder, { recursive: true, force: true });
    },
  });
}

function onServer(admin: string, server: Omit<TestMariadb, "url" | "createDatabase">): TestMariadb {
  const databases: string[] = [];
  const url = (database?: string) => {
    const address = new URL(admin);
    if (database !== undefined) address.pathname = `/${database}`;
    return address.href;
  };
  return {
    ...server,
    url,
    async createDatabase() {
      const database = `onceover_${crypto.randomUUID().replaceAll("-", "")}`;
      await administer(admin, `create database ${database}`);
      databases.push(database);
      return url(database);
    },
    async stop() {
      if (databases.length > 0 && process.env["TEST_MARIADB_URL"] === admin)
        await administer(admin, ...databases.map((name) => `drop database ${name}`));
      await server.stop();
    },
  };
}

async function administer(
  where: string | { socketPath: string; user: string },
  ...statements: string[]
): Promise<void> {
  const address = typeof where === "string" ? { uri: where } : where;
  const connection = await mysql.createConnection({ ...address, connectTimeout: 5_000 });
  try {
    for (const statement of statements) await connection.query(statement);
  } finally {
    connection.destroy();
  }
}

/** A data folder as the installer leaves it; made once per machine and copied from then on. */
async function initialisedData(): Promise<string> {
  const template = join(tmpdir(), `onceover-mariadb-template-${UID}`);
  if (await exists(template)) return template;
  const draft = await mkdtemp(`${template}-`);
  const install = Bun.spawn(
    [
      requireProgram("mariadb-install-db"),
      "--no-defaults",
      `--datadir=${draft}`,
      ...AS_ROOT,
      "--auth-root-authentication-method=normal",
      "--skip-test-db",
      ...SMALL,
    ],
    { stdout: "ignore", stderr: "pipe" },
  );
  if ((await install.exited) !== 0)
    throw new Error(`mariadb-install-db failed: ${await new Response(install.stderr).text()}`);
  // Of several processes that made one, the first to rename wins; the others throw theirs away.
  await rename(draft, template).catch(() => rm(draft, { recursive: true, force: true }));
  return template;
}

async function launch(
  folder: string,
  port: number,
  options: readonly string[],
): Promise<Bun.Subprocess> {
  const log = join(folder, "log");
  await mkdir(join(folder, "tmp"), { recursive: true });
  const server = Bun.spawn(
    [
      requireProgram("mariadbd"),
      "--no-defaults",
      ...AS_ROOT,
      `--datadir=${join(folder, "data")}`,
      `--tmpdir=${join(folder, "tmp")}`,
      `--socket=${join(folder, "socket")}`,
      `--pid-file=${join(folder, "pid")}`,
      `--port=${port}`,
      "--bind-address=127.0.0.1",
      "--skip-name-resolve",
      "--skip-log-bin",
      "--innodb-flush-log-at-trx-commit=2",
      "--max-connections=100",
      "--performance-schema=off",
      ...SMALL,
      ...options,
    ],
    { stdout: Bun.file(log), stderr: Bun.file(log) },
  );
  await waitUntilReady(server, folder, log);
  return server;
}

/** Asks through the socket: behind the port might be another server. */
async function waitUntilReady(server: Bun.Subprocess, folder: string, log: string): Promise<void> {
  const own = { socketPath: join(folder, "socket"), user: "root" };
  const deadline = Date.now() + READY_WITHIN_MS;
  for (;;) {
    try {
      await administer(own, "select 1");
      return;
    } catch (error) {
      if (server.exitCode !== null || Date.now() > deadline) {
        server.kill("SIGKILL");
        throw new Error(`mariadbd did not start: ${await Bun.file(log).text()}`, { cause: error });
      }
      await Bun.sleep(50);
    }
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
