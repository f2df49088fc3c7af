import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import mysql from "mysql2/promise";
import { SETTINGS } from "../../src/settings.ts";
import { openMysqlStore } from "../../src/storage/mysql/open-mysql-store.ts";
import { MYSQL_OPTIONS } from "../contract/migrate-in-processes.ts";
import { startMariadb, type TestMariadb } from "../support/mariadb.ts";
import { newResult } from "../support/results.ts";

const ROOT = join(import.meta.dir, "../..");
const text = await Bun.file(join(ROOT, "docs/deploy.md")).text();

/** In capitals, and yet no setting. */
const OTHER_WORDS = /^(SIG[A-Z0-9]+|MYSQL_PASSWORD|BUN_INSTALL|SCAN)$/;

/** `LLM_*` stands for all that begin so. */
function isKnown(name: string): boolean {
  if (!name.endsWith("_")) return name in SETTINGS;
  return Object.keys(SETTINGS).some((other) => other.startsWith(name));
}

test("every setting that the text names exists", () => {
  const code = [...text.matchAll(/`([^`\n]+)`|^```[\s\S]*?^```/gm)].map(([match]) => match);
  const names = code.flatMap((part) => part.match(/\b[A-Z][A-Z0-9_]{3,}\b/g) ?? []);
  const unknown = new Set(names.filter((name) => !isKnown(name) && !OTHER_WORDS.test(name)));
  expect([...unknown]).toEqual([]);
  expect(names.length).toBeGreaterThan(30);
});

test("every metric that it names is measured", async () => {
  const files = new Bun.Glob("src/**/*.ts").scan(ROOT);
  const sources = await Array.fromAsync(files, (file) => Bun.file(join(ROOT, file)).text());
  const source = sources.join("\n");
  for (const [name] of text.matchAll(/\bonceover_[a-z_]+/g))
    expect({ name, isKnown: source.includes(name.replace("onceover_", "")) }).toEqual({
      name,
      isKnown: true,
    });
});

test("it installs the Bun that the project is developed with", async () => {
  const { devDependencies } = await Bun.file(join(ROOT, "package.json")).json();
  expect(text).toContain(`bun-v${devDependencies.bun}`);
});

let mariadb: TestMariadb;
beforeAll(async () => {
  mariadb = await startMariadb();
}, 60_000);
afterAll(() => mariadb.stop(), 60_000);

test("its rights are enough for the schema and everything after, and reading alone for a replica", async () => {
  const admin = await mysql.createConnection({ uri: mariadb.url(), multipleStatements: true });
  await admin.query(/```sql\n([\s\S]*?)```/.exec(text)![1]!.replace("…", "secret"));
  await admin.query(
    "create user reader identified by 'secret'; grant select on onceover.* to reader",
  );
  await admin.end();
  const urlOf = (user: string) => {
    const url = new URL(mariadb.url("onceover"));
    return Object.assign(url, { username: user, password: "secret" }).href;
  };
  const store = openMysqlStore({
    ...MYSQL_OPTIONS,
    url: urlOf("onceover"),
    replicaUrls: [urlOf("reader")],
  });
  await store.migrate();
  await store.replicas.check();
  expect(store.replicas.countUsable()).toBe(1);
  const result = newResult();
  await store.saveResults([result]);
  expect(await store.findHottest(result.profileId, 1, 0)).toEqual([result]);
  await store.purge({ now: 0, requestsBefore: 0, limit: 10 });
  await store.close();
});
