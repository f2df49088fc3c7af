import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { BuildContext } from "./build-context.ts";
import { buildImage, type BuiltImage } from "./build-image.ts";
import { only } from "./dockerfile.ts";
import { drawPhoto } from "../support/pictures.ts";
import { freePort } from "../support/free-port.ts";
import { openTemporaryFolder } from "../support/temporary-folder.ts";
import { waitFor } from "../support/wait-for.ts";

const PROJECT = join(import.meta.dir, "../..");
const WITHIN_MS = 60_000;
const MIB = 1_048_576;
/** Of packages, model and sources; the base image comes on top. */
const MAX_IMAGE_MIB = 150;

let image: BuiltImage;
let files: string[];
beforeAll(async () => {
  image = await buildImage(PROJECT);
  files = await Array.fromAsync(new Bun.Glob("**/*").scan({ cwd: image.root, dot: true }));
}, WITHIN_MS);
afterAll(() => image[Symbol.asyncDispose](), WITHIN_MS);

/** A program of the image's, with the image's environment and none of ours. */
function spawn([program, ...args]: string[], env: Record<string, string>) {
  return Bun.spawn([program === "bun" ? process.execPath : program!, ...args], {
    cwd: join(image.root, image.workdir),
    env: { PATH: process.env["PATH"]!, ...image.env, HOST: "127.0.0.1", ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
}

describe("the image", () => {
  test("holds what the server needs for this platform, and nothing else", () => {
    const app = image.workdir.slice(1);
    expect(readdirSync(join(image.root, app)).toSorted()).toEqual([
      "bunfig.toml",
      "drizzle",
      "models",
      "node_modules",
      "package.json",
      "src",
    ]);
    const modules = join(app, "node_modules/");
    const own = files.filter((file) => !file.startsWith(modules));
    expect(own.filter((file) => /\.test\.ts$|\.env|\.py$|\.config\.ts$/.test(file))).toEqual([]);
    const native = files.filter((file) => /\.(node|so(\.\d+)*|dll|dylib)$/.test(file));
    expect(native.length).toBeGreaterThan(3);
    const platform = new RegExp(`linux[-/]${process.arch}`);
    if (process.platform === "linux")
      expect(native.filter((file) => !platform.test(file))).toEqual([]);
    for (const name of ["oxlint", "playwright-core", "drizzle-kit", "typescript", "fast-check"])
      expect(existsSync(join(image.root, modules, name))).toBe(false);
  });

  test("is small", () => {
    const bytes = files.reduce((sum, file) => sum + Bun.file(join(image.root, file)).size, 0);
    expect(bytes / MIB).toBeLessThan(MAX_IMAGE_MIB);
  });

  test("starts by its entry point, is healthy, classifies a picture and stops", async () => {
    using data = openTemporaryFolder();
    const env = { PORT: String(await freePort()), DATA_DIR: data.path };
    const server = spawn(image.entrypoint, env);
    try {
      const url = `http://127.0.0.1:${env.PORT}`;
      await waitFor("the server is ready", async () => (await fetch(`${url}/readyz`)).ok, 30_000);
      const [, command] = /CMD (\[.*\])$/.exec(only(image.stage, "HEALTHCHECK"))!;
      expect(await spawn(JSON.parse(command!) as string[], env).exited).toBe(0);

      const photo = await drawPhoto({ width: 320, height: 240 });
      const response = await fetch(`${url}/api/v1/classify`, {
        method: "POST",
        headers: { "Content-Type": "image/jpeg" },
        body: photo,
      });
      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({ data: { inference_method: "local" } });
      server.kill("SIGTERM");
      expect(await server.exited).toBe(0);
      expect(existsSync(join(data.path, "onceover.db"))).toBe(true);
    } finally {
      server.kill("SIGKILL");
      await server.exited;
    }
  }, 60_000);
});

test("the build context leaves out what is not named: data, keys, history", async () => {
  using project = openTemporaryFolder();
  const write = (path: string) => Bun.write(join(project.path, path), "");
  const ignored = Bun.file(join(PROJECT, ".dockerignore"));
  await Bun.write(join(project.path, ".dockerignore"), ignored);
  const kept = [
    "package.json",
    "bun.lock",
    "src/main.ts",
    "drizzle/mysql/0000.sql",
    "models/m.onnx",
  ];
  const left = [
    ".env",
    ".git/config",
    "data/onceover.db",
    "node_modules/hono/index.js",
    "src/main.test.ts",
    "models/train/train.py",
    "drizzle/mysql.config.ts",
    "docs/deploy.md",
  ];
  await Promise.all([...kept, ...left].map(write));
  expect((await BuildContext.read(project.path)).files).toEqual(kept.toSorted());
});
