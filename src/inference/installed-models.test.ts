import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { createModelDir, type ModelDir } from "../../test/workers/fixtures/model-dir.ts";
import { listModels, locateModel } from "./installed-models.ts";

let first: ModelDir;
let second: ModelDir;

beforeAll(async () => {
  first = await createModelDir();
  second = await createModelDir();
  const manifest = await Bun.file(join(second.path, "tiny.json")).json();
  await Bun.write(join(second.path, "zebra.json"), JSON.stringify({ ...manifest, name: "zebra" }));
  await Bun.write(join(second.path, "catalogue.json"), '{"models": []}');
  await Bun.write(
    join(second.path, "alone.json"),
    JSON.stringify({ ...manifest, file: "no.onnx" }),
  );
  await Bun.write(join(second.path, "torn.json"), '{"name": ');
});
afterAll(async () => {
  await first[Symbol.asyncDispose]();
  await second[Symbol.asyncDispose]();
});

describe("locateModel", () => {
  test("takes the first folder that has the manifest", async () => {
    const folders = [first.path, second.path];
    expect(await locateModel(folders, "tiny")).toBe(first.path);
    expect(await locateModel(folders, "zebra")).toBe(second.path);
  });

  test("names every place where it looked", async () => {
    const looking = locateModel([first.path, "/no/such/folder"], "lion");
    await expect(looking).rejects.toThrow(
      `neither ${first.path}/lion.json nor /no/such/folder/lion.json exists`,
    );
  });
});

describe("listModels", () => {
  test("lists by name what has a manifest, and says what is wrong with it", async () => {
    const models = await listModels(["/no/such/folder", second.path]);
    expect(models.map(({ name }) => name)).toEqual(["alone", "tiny", "torn", "zebra"]);
    const [alone, tiny, torn] = models;
    expect(alone).toMatchObject({
      bytes: null,
      problem: expect.stringContaining("no.onnx does not"),
    });
    expect(tiny).toMatchObject({ folder: second.path, problem: null });
    expect(tiny!.bytes).toBeGreaterThan(100);
    expect(torn).toMatchObject({ manifest: null, problem: expect.stringContaining("is not JSON") });
  });

  test("shows of two models of a name the one that is used", async () => {
    const models = await listModels([first.path, second.path]);
    expect(models.find(({ name }) => name === "tiny")!.folder).toBe(first.path);
  });
});
