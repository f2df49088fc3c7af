import { expect } from "bun:test";
import { openMysqlStore } from "../../src/storage/mysql/open-mysql-store.ts";
import { openSqliteStore } from "../../src/storage/sqlite/open-sqlite-store.ts";

const PROCESSES = 4;

/** Lets several processes of their own migrate one database at the same time; all must succeed. */
export async function migrateInProcesses(
  dialect: "sqlite" | "mysql",
  target: string,
): Promise<void> {
  const processes = Array.from({ length: PROCESSES }, () =>
    Bun.spawn([process.execPath, import.meta.path, dialect, target], {
      stdout: "ignore",
      stderr: "pipe",
    }),
  );
  const outcomes = await Promise.all(
    processes.map(async ({ exited, stderr }) => ({
      stderr: await new Response(stderr).text(),
      exitCode: await exited,
    })),
  );
  for (const outcome of outcomes) expect(outcome).toEqual({ stderr: "", exitCode: 0 });
}

/** Options that suit a server on this machine. */
export const MYSQL_OPTIONS = {
  poolSize: 5,
  acquireTimeoutMs: 5_000,
  statementTimeoutMs: 5_000,
  connectTimeoutMs: 5_000,
};

if (import.meta.main) {
  const [dialect, target = ""] = process.argv.slice(2);
  const store =
    dialect === "mysql"
      ? openMysqlStore({ ...MYSQL_OPTIONS, url: target })
      : openSqliteStore({ file: target });
  await store.migrate();
  await store.close();
}
