import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { only, parseDockerfile } from "./dockerfile.ts";
import { readSettings } from "./read-settings.ts";

interface FlyConfig {
  primary_region: string;
  kill_signal: string;
  kill_timeout: number;
  env: Record<string, string>;
  mounts: { destination: string };
  build: { dockerfile: string };
  deploy: { strategy: string };
  http_service: {
    internal_port: number;
    auto_stop_machines: string;
    auto_start_machines: boolean;
    min_machines_running: number;
    concurrency: { type: string; soft_limit: number; hard_limit: number };
    checks: { path: string }[];
  };
  checks: Record<string, { path: string; port: number }>;
  metrics: { port: number; path: string };
}

const ROOT = join(import.meta.dir, "../..");
const fly = Bun.TOML.parse(await Bun.file(join(ROOT, "fly.toml")).text()) as unknown as FlyConfig;
const config = readSettings(fly.env);
const dockerfile = parseDockerfile(await Bun.file(join(ROOT, fly.build.dockerfile)).text());

/** https://fly.io/docs/reference/configuration/#kill_timeout-option */
const MAX_KILL_TIMEOUT_S = 300;

test("a machine has longer to stop than the server takes, by the signal that it drains on", () => {
  expect(fly.kill_signal).toBe("SIGTERM");
  expect(fly.kill_timeout * 1_000).toBeGreaterThan(config.SHUTDOWN_DEADLINE_MS);
  expect(fly.kill_timeout).toBeLessThanOrEqual(MAX_KILL_TIMEOUT_S);
});

test("port and data folder are the image's, wherever they are named", () => {
  const { PORT, DATA_DIR } = config;
  const ports = [fly.http_service.internal_port, fly.checks["alive"]!.port, fly.metrics.port];
  expect(ports).toEqual([PORT, PORT, PORT]);
  expect(Number(only(dockerfile.stages.at(-1)!, "EXPOSE"))).toBe(PORT);
  expect(fly.mounts.destination).toBe(DATA_DIR);
  expect(existsSync(join(ROOT, fly.build.dockerfile))).toBe(true);
});

test("requests go by readiness; liveness is watched", () => {
  expect(fly.http_service.checks.map(({ path }) => path)).toEqual(["/readyz"]);
  expect(fly.checks["alive"]!.path).toBe("/livez");
});

test("machines are counted by requests, sleep and wake up; the primary region keeps one", () => {
  const { concurrency, ...service } = fly.http_service;
  expect(concurrency.type).toBe("requests");
  expect(concurrency.soft_limit).toBeLessThan(concurrency.hard_limit);
  expect(service).toMatchObject({ auto_stop_machines: "stop", auto_start_machines: true });
  expect(service.min_machines_running).toBeGreaterThan(0);
  expect(fly.primary_region).toMatch(/^[a-z]{3}$/);
});

test("releases replace one machine after the other, as volumes demand", () => {
  expect(fly.deploy.strategy).toBe("rolling");
});
