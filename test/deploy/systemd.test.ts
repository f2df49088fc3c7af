import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { openTemporaryFolder } from "../support/temporary-folder.ts";
import { readSettings } from "./read-settings.ts";

const ROOT = join(import.meta.dir, "../..");
const unit = await Bun.file(join(ROOT, "deploy/onceover.service")).text();

/** All values of a key, in order; a unit may name a key more than once. */
function valuesOf(key: string): string[] {
  return [...unit.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map(([, value]) => value!);
}

const environment = Object.fromEntries(
  valuesOf("Environment").map((line) => [line.split("=")[0], line.split("=").slice(1).join("=")]),
);
const config = readSettings(environment);

test("starts the server from its folder and keeps its data where it may write", () => {
  const [program, script] = valuesOf("ExecStart")[0]!.split(" ");
  expect(program).toBe("/usr/local/bin/bun");
  expect(existsSync(join(ROOT, script!))).toBe(true);
  expect(valuesOf("WorkingDirectory")).toEqual(["/opt/onceover"]);
  expect(config.DATA_DIR).toBe(`/var/lib/${valuesOf("StateDirectory")[0]}`);
});

test("lets the server stop and reload in its own order and time", () => {
  expect(valuesOf("KillMode")).toEqual(["mixed"]);
  expect(valuesOf("KillSignal")).toEqual(["SIGTERM"]);
  expect(Number(valuesOf("TimeoutStopSec")[0]) * 1_000).toBeGreaterThan(
    config.SHUTDOWN_DEADLINE_MS,
  );
  expect(valuesOf("ExecReload")).toEqual(["/bin/kill -HUP $MAINPID"]);
});

const analyze = Bun.which("systemd-analyze");

test.skipIf(analyze === null)(
  "systemd finds nothing wrong with it, and little exposed",
  async () => {
    using folder = openTemporaryFolder();
    const file = join(folder.path, "onceover.service");
    // The program need not be installed where the unit is checked.
    await Bun.write(file, unit.replace("/usr/local/bin/bun", process.execPath));
    const run = (...args: string[]) => Bun.spawnSync([analyze!, ...args, file]);
    const verified = run("verify");
    expect(verified.stderr.toString()).toBe("");
    expect(verified.exitCode).toBe(0);
    // Of 100; a service without any of it has 96.
    expect(run("security", "--offline=true", "--threshold=20").exitCode).toBe(0);
  },
);
