import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseConfig } from "../../src/config.ts";
import { SETTINGS } from "../../src/settings.ts";

interface FlyConfig {
  kill_signal: string;
  kill_timeout: number;
  env: Record<string, string>;
  mounts: { destination: string };
  build: { dockerfile: string };
  http_service: { internal_port: number; checks: { path: string }[] };
  checks: Record<string, { path: string; port: number }>;
}

const ROOT = join(import.meta.dir, "../..");
const read = (path: string) => Bun.file(join(ROOT, path)).text();
const dockerfile = await read("Dockerfile");
const ignored = await read(".dockerignore");
const fly = Bun.TOML.parse(await read("fly.toml")) as FlyConfig;
const packageJson = JSON.parse(await read("package.json")) as {
  devDependencies: Record<string, string>;
};

/** Words of each Dockerfile instruction of this name, line continuations joined. */
function instructions(name: string): string[][] {
  return dockerfile
    .replaceAll(/\\\n/g, " ")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([first]) => first === name)
    .map(([, ...words]) => words);
}

function only(name: string): string {
  const found = instructions(name);
  expect(found).toHaveLength(1);
  return found[0]!.join(" ");
}

describe("Dockerfile", () => {
  const sources = instructions("COPY")
    .filter(([first]) => !first!.startsWith("--from="))
    .flatMap((words) => words.slice(0, -1));

  test.each([...new Set(sources)])("copies %s, which exists and is not ignored", (source) => {
    expect(existsSync(join(ROOT, source))).toBe(true);
    expect(ignored.split("\n")).toContain(`!${source}`);
  });

  test("pins the Bun that the project is developed with, in every stage", () => {
    expect(only("ARG")).toBe(`BUN_VERSION=${packageJson.devDependencies["bun"]}`);
    for (const [image] of instructions("FROM"))
      expect(image).toMatch(/^oven\/bun:\$\{BUN_VERSION\}/);
  });

  test("runs as a user without rights, and without a shell that would swallow signals", () => {
    expect(only("USER")).toBe("bun");
    expect(JSON.parse(only("ENTRYPOINT"))).toEqual(["bun", "src/main.ts"]);
    expect(instructions("CMD")).toEqual([]);
  });

  test("keeps its data in the volume and listens on the exposed port", () => {
    const env = Object.fromEntries(
      only("ENV")
        .split(" ")
        .map((pair) => pair.split("=")),
    );
    const config = parseConfig({ PORT: env.PORT, DATA_DIR: env.DATA_DIR });
    expect(config.DATA_DIR).toBe(only("VOLUME"));
    expect(config.PORT).toBe(Number(only("EXPOSE")));
    expect(config.PORT).toBe(fly.http_service.internal_port);
  });

  test("checks its health by a program that is in the image", () => {
    const [, command] = /CMD (\[.*\])$/.exec(only("HEALTHCHECK")) ?? [];
    const [program, flag, script] = JSON.parse(command!) as string[];
    expect([program, flag]).toEqual(["bun", "-e"]);
    expect(script).toContain("/livez");
  });
});

describe("the health check's script", () => {
  const [, command] = /CMD (\[.*\])$/.exec(only("HEALTHCHECK")) ?? [];
  const [, ...args] = JSON.parse(command!) as string[];
  const run = (port: number) =>
    Bun.spawn([process.execPath, ...args], {
      env: { ...process.env, PORT: String(port) },
      stderr: "ignore",
    }).exited;

  test("exits 0 for a server that lives, 1 for one that fails or is gone", async () => {
    let status = 200;
    const server = Bun.serve({ port: 0, fetch: () => new Response(null, { status }) });
    const port = server.port!;
    expect(await run(port)).toBe(0);
    status = 503;
    expect(await run(port)).toBe(1);
    await server.stop(true);
    expect(await run(port)).toBe(1);
  });
});

describe("fly.toml", () => {
  test("gives the server longer to stop than it takes", () => {
    const { SHUTDOWN_DEADLINE_MS } = parseConfig(fly.env);
    expect(fly.kill_timeout * 1000).toBeGreaterThan(SHUTDOWN_DEADLINE_MS);
    expect(fly.kill_timeout * 1000).toBeGreaterThan(Number(SETTINGS.SHUTDOWN_DEADLINE_MS.fallback));
    expect(fly.kill_signal).toBe("SIGTERM");
  });

  test("sets only settings that exist, and no secret", () => {
    const settings: Record<string, { isSecret: boolean }> = SETTINGS;
    for (const name of Object.keys(fly.env))
      expect(settings[name]).toMatchObject({ isSecret: false });
  });

  test("agrees with itself on port and data folder", () => {
    const { PORT, DATA_DIR } = parseConfig(fly.env);
    expect(fly.http_service.internal_port).toBe(PORT);
    expect(Object.values(fly.checks).map(({ port }) => port)).toEqual([PORT]);
    expect(fly.mounts.destination).toBe(DATA_DIR);
    expect(existsSync(join(ROOT, fly.build.dockerfile))).toBe(true);
  });

  test("routes by readiness and watches liveness", () => {
    expect(fly.http_service.checks.map(({ path }) => path)).toEqual(["/readyz"]);
    expect(fly.checks["alive"]!.path).toBe("/livez");
  });
});
