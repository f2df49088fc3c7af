import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import {
  answerStatus,
  type FileServer,
  serveFile,
  startFileServer,
} from "../support/file-server.ts";
import { openTemporaryFolder } from "../support/temporary-folder.ts";
import { tinyManifest } from "../workers/fixtures/model-dir.ts";
import { encodeTinyModel } from "../workers/fixtures/tiny-model.ts";

const PROGRAM = join(import.meta.dir, "../../src/cli/models.ts");
const SHIPPED_MODELS = join(import.meta.dir, "../../models");
const MODEL = encodeTinyModel(32, 32);
const SHA256 = Bun.SHA256.hash(MODEL, "hex");
const LABELS = "# the tiny model's\nred\tfoods\ngreen\tpets\nblue\tother\n";

let server: FileServer;
let folder: ReturnType<typeof openTemporaryFolder>;
let downloads: string;

beforeAll(async () => {
  server = await startFileServer();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(async () => {
  folder = openTemporaryFolder();
  downloads = join(folder.path, "data", "models");
  await Bun.write(join(folder.path, "labels.tsv"), LABELS);
  await writeCatalogue({});
  server.behave(serveFile(MODEL));
  return () => folder[Symbol.dispose]();
});

/** A catalogue of one model, `tiny`, with `changes` in its manifest. */
async function writeCatalogue(changes: Record<string, unknown>): Promise<void> {
  const { labels: _labels, categories: _categories, ...facts } = tinyManifest(SHA256);
  const entry = {
    address: server.address,
    size: MODEL.length,
    source: "this test",
    labels: "labels.tsv",
    manifest: { ...facts, ...changes },
  };
  await Bun.write(join(folder.path, "catalogue.json"), JSON.stringify({ models: [entry] }));
}

/** Runs the program in the folder, with its catalogue. */
async function run(args: string[], settings: Record<string, string> = {}) {
  await using program = Bun.spawn(
    [process.execPath, PROGRAM, ...args, "--catalogue", "catalogue.json"],
    {
      cwd: folder.path,
      env: { PATH: Bun.env["PATH"], MODELS_DIR: SHIPPED_MODELS, ...settings },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(program.stdout).text(),
    new Response(program.stderr).text(),
    program.exited,
  ]);
  return { stdout, stderr, exitCode };
}

async function paint(path: string, background: string): Promise<void> {
  const picture = sharp({ create: { width: 40, height: 30, channels: 3, background } });
  await Bun.write(join(folder.path, "photos", path), await picture.png().toBuffer());
}

describe("models", () => {
  test("lists what is installed, what is in use, and what can be had", async () => {
    const { stdout, exitCode } = await run([]);
    expect(stdout).toMatch(/^\* +album-v1 .* 8 to 8 +good +Apache-2.0/m);
    expect(stdout).toMatch(
      /To be had .*:\n +tiny +0\.0 MB +MIT +Tells red, green and blue apart\.\n/,
    );
    expect(exitCode).toBe(0);
  });

  test("names what is broken or missing, and exits with 1", async () => {
    await run(["pull", "tiny"]);
    await Bun.write(join(downloads, "tiny.onnx"), "something else");
    const { stdout, exitCode } = await run([], { LOCAL_MODEL: "absent" });
    expect(stdout).toMatch(/tiny .* BAD /);
    expect(stdout).toContain(`the manifest says ${SHA256}`);
    expect(stdout).toContain("LOCAL_MODEL names absent, which is not installed.");
    expect(exitCode).toBe(1);
  });

  test("does not understand other words, and exits with 2", async () => {
    expect((await run(["fetch", "tiny"])).stderr).toStartWith("Usage: bun run models");
    expect((await run(["check", "tiny"])).exitCode).toBe(2);
    expect((await run(["--colour"])).stderr).toContain("Unknown option '--colour'");
  });
});

describe("models pull", () => {
  test("installs a model that the server then finds, and does so once", async () => {
    const { stdout, stderr, exitCode } = await run(["pull", "tiny"]);
    expect(stderr).toEndWith("tiny: 100 %, 0.0 of 0.0 MB\n");
    expect(stderr).not.toContain("\r");
    expect(stdout).toContain(`tiny is installed in ${downloads}; LOCAL_MODEL=tiny uses it.`);
    expect(exitCode).toBe(0);
    expect(readdirSync(downloads).toSorted()).toEqual(["tiny.json", "tiny.onnx"]);
    expect(await Bun.file(join(downloads, "tiny.json")).json()).toEqual(tinyManifest(SHA256));

    const listed = await run([], { LOCAL_MODEL: "tiny" });
    expect(listed.stdout).toMatch(/^\* +tiny .* 3 to 3 +good/m);
    server.behave(answerStatus(404));
    expect((await run(["pull", "tiny"])).stdout).toContain("tiny was installed already");
  });

  test("says what is wrong with a download, and installs nothing", async () => {
    server.behave(answerStatus(404));
    const missing = await run(["pull", "tiny"]);
    expect(missing).toMatchObject({
      exitCode: 1,
      stderr: `${server.address} answered HTTP 404.\n`,
    });
    server.behave(serveFile(new Uint8Array(MODEL.length)));
    expect((await run(["pull", "tiny"])).stderr).toContain(`expected was ${SHA256}`);
    expect(readdirSync(downloads)).toEqual([]);
  });

  test("refuses a model that does not fit its manifest", async () => {
    const { input } = tinyManifest(SHA256);
    await writeCatalogue({ input: { ...input, name: "pixels" } });
    const { stderr, exitCode } = await run(["pull", "tiny"]);
    expect(stderr).toContain("The file is right, yet the model does not work: ");
    expect(exitCode).toBe(1);
    expect(readdirSync(downloads)).toEqual(["tiny.onnx"]);
  });

  test("names the models there are when asked for another", async () => {
    const { stderr, exitCode } = await run(["pull", "huge"]);
    expect(stderr).toBe("The catalogue has no model huge; it has tiny.\n");
    expect(exitCode).toBe(1);
  });
});

describe("models check", () => {
  test("prints how well a model sorts a folder", async () => {
    await run(["pull", "tiny"]);
    await paint("foods/one.png", "#f00");
    await paint("foods/two.PNG", "#0f0");
    await paint("pets/three.png", "#0f0");
    await Bun.write(join(folder.path, "photos/pets/broken.jpg"), "no picture");
    const { stdout, exitCode } = await run(["check", "tiny", "--data", "photos"]);
    expect(stdout).toMatch(/^foods +2 +100\.0 % +50\.0 %$/m);
    expect(stdout).toMatch(/^pets +2 +50\.0 % +50\.0 %$/m);
    expect(stdout).toContain("top-1: 50.0 % of 4 pictures");
    expect(stdout).toContain("without an answer: 1");
    expect(stdout).toMatch(/p50 \d+\.\d ms, p95 \d+\.\d ms/);
    expect(exitCode).toBe(0);
    const ensemble = await run(["check", "tiny,album-v1", "--data", "photos"]);
    expect(ensemble.stdout).toContain("of 4 pictures");
    const views = ["--views", "mirror,zoom"];
    expect((await run(["check", "tiny", "--data", "photos", ...views])).exitCode).toBe(0);
  });

  test("says where there is nothing to check", async () => {
    await paint("cars/one.png", "#f00");
    const stranger = await run(["check", "album-v1", "--data", "photos"]);
    expect(stranger).toMatchObject({ exitCode: 1 });
    expect(stranger.stderr).toContain("photos: cars is no category; there are social_activities");
    expect((await run(["check", "album-v1", "--data", "absent"])).stderr).toContain("no pictures");
    await paint("foods/one.png", "#f00");
    expect((await run(["check", "absent", "--data", "photos"])).stderr).not.toContain("    at ");
  });
});
