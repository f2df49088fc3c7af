/**
 * The bench command: measures the parts that its arguments name, else all, and prints one table.
 * `--quick` takes short rounds, for trying it out. Exits 1 when a part could not be measured, and when it
 * is interrupted, with the table of what was measured by then.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { installServices, type Program } from "../test/support/install-services.ts";
import type { Effort } from "./measure/interleave.ts";
import type { Part, Row } from "./part.ts";
import { measureHits, measureMisses } from "./parts/check-cache.ts";
import { measureConnections } from "./parts/connections.ts";
import { measureFailingProvider } from "./parts/failing-provider.ts";
import { measureLanguageModel } from "./parts/language-model.ts";
import { measureLocalModel } from "./parts/local-model.ts";
import { measureMixedLoad } from "./parts/mixed-load.ts";
import { measureProcess } from "./parts/process.ts";
import { measureRedis } from "./parts/redis.ts";
import { measureRedisOutage } from "./parts/redis-outage.ts";
import { measureMariadb, measureSqlite } from "./parts/stored.ts";
import { measureUploads } from "./parts/upload.ts";
import { measureWorkers } from "./parts/workers.ts";
import { renderTable } from "./report.ts";

const PARTS: Record<string, Part> = {
  hit: measureHits,
  miss: measureMisses,
  sqlite: measureSqlite,
  mariadb: measureMariadb,
  redis: measureRedis,
  upload: measureUploads,
  local: measureLocalModel,
  process: measureProcess,
  workers: measureWorkers,
  connections: measureConnections,
  llm: measureLanguageModel,
  failing: measureFailingProvider,
  mixed: measureMixedLoad,
  outage: measureRedisOutage,
};

const THOROUGH: Effort = { rounds: 7, roundS: 4 };
const QUICK: Effort = { rounds: 3, roundS: 1 };

const { values, positionals } = parseArgs({
  options: { quick: { type: "boolean", default: false } },
  allowPositionals: true,
});
const names = positionals.length > 0 ? positionals : Object.keys(PARTS);
const strangers = names.filter((name) => !Object.hasOwn(PARTS, name));
if (strangers.length > 0) {
  const known = Object.keys(PARTS).join(", ");
  process.stderr.write(`no part is called ${strangers.join(", ")}; there are ${known}\n`);
  process.exit(2);
}

/** What a part needs besides wrk. */
const SERVICES: Record<string, readonly Program[]> = {
  mariadb: ["mariadbd"],
  redis: ["redis-server"],
  outage: ["redis-server"],
};
await installServices(["wrk", ...names.flatMap((name) => SERVICES[name] ?? [])]);
const effort = values.quick ? QUICK : THOROUGH;
const rows: Row[] = [];
let hasFailed = false;
const printTable = () => process.stdout.write(`${renderTable(rows)}\n`);
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    printTable();
    process.exit(1);
  });
}
for (const name of names) {
  process.stderr.write(`measuring ${name}\n`);
  const folder = await mkdtemp(join(tmpdir(), "onceover-bench-"));
  try {
    rows.push(...(await PARTS[name]!({ effort, folder })));
  } catch (error) {
    hasFailed = true;
    process.stderr.write(`${name}: ${error instanceof Error ? error.message : String(error)}\n`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
printTable();
process.exit(hasFailed ? 1 : 0);
