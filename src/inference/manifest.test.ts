import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import {
  createModelDir,
  type ModelDir,
  tinyManifest,
} from "../../test/workers/fixtures/model-dir.ts";
import { ModelLoadError, readManifest, readModel } from "./manifest.ts";

let dir: ModelDir;
beforeAll(async () => {
  dir = await createModelDir();
});
afterAll(() => dir[Symbol.asyncDispose]());

/** The one line that the operator reads. */
async function complaintAbout(changes: Record<string, unknown>): Promise<string> {
  await dir.writeManifest(changes);
  return messageOf(readManifest(dir.path, "tiny"));
}

async function messageOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.catch((error: unknown) => error);
  expect(error).toBeInstanceOf(ModelLoadError);
  expect((error as ModelLoadError).message).not.toContain("\n");
  return (error as ModelLoadError).message;
}

describe("readManifest", () => {
  test("reads what a manifest says", async () => {
    await dir.writeManifest();
    expect(await readManifest(dir.path, "tiny")).toEqual(tinyManifest(dir.sha256));
  });

  test("takes a missing temperature for 1", async () => {
    await dir.writeManifest({ output: { name: "logits", activation: "none" } });
    expect((await readManifest(dir.path, "tiny")).output.temperature).toBe(1);
  });

  test("names the file that is missing or no JSON", async () => {
    expect(await messageOf(readManifest(dir.path, "absent"))).toContain(
      "absent.json does not exist",
    );
    await Bun.write(join(dir.path, "torn.json"), '{"name": ');
    expect(await messageOf(readManifest(dir.path, "torn"))).toContain("torn.json is not JSON");
  });

  test("refuses names that lead out of the directory", async () => {
    expect(await messageOf(readManifest(dir.path, "../secret"))).toContain("not a model name");
    expect(await complaintAbout({ file: "../tiny.onnx" })).toContain(
      "file: must be a plain file name",
    );
  });

  test("names every mistake by its place", async () => {
    const complaint = await complaintAbout({ sha256: "abc", unsure: 2 });
    expect(complaint).toContain("sha256: must be 64 lower-case hex characters");
    expect(complaint).toContain("unsure: ");
  });

  test("refuses categories of unknown labels, and labels given twice", async () => {
    const complaint = await complaintAbout({ categories: { purple: "other" } });
    expect(complaint).toContain("categories.purple: is none of the labels");
    const labels = ["red", "red", "blue"];
    expect(await complaintAbout({ labels })).toContain("labels: must not repeat a label");
  });

  test("refuses a std of zero and a kernel that is unknown", async () => {
    const { input } = tinyManifest(dir.sha256);
    const complaint = await complaintAbout({ input: { ...input, std: [1, 0, 1], kernel: "box" } });
    expect(complaint).toContain("input.std: must be positive");
    expect(complaint).toContain("input.kernel: ");
  });
});

describe("readModel", () => {
  test("hands out only what has the manifest's checksum", async () => {
    const { sha256, path } = dir;
    const bytes = await readModel(path, { file: "tiny.onnx", sha256 });
    expect(Bun.SHA256.hash(bytes, "hex")).toBe(sha256);
    const wrong = readModel(path, { file: "tiny.onnx", sha256: "0".repeat(64) });
    expect(await messageOf(wrong)).toContain(`has the SHA-256 ${sha256}, the manifest says 000`);
    const absent = readModel(path, { file: "absent.onnx", sha256 });
    expect(await messageOf(absent)).toContain("absent.onnx does not exist");
  });
});
