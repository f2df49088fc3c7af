import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { type Classifier, openClassifier } from "../../src/cli/open-classifier.ts";
import { type ModelManifest, readManifest } from "../../src/inference/manifest.ts";
import { openTemporaryFolder } from "../support/temporary-folder.ts";
import golden from "./golden/golden.json";
import { encodeEchoModel } from "./fixtures/tiny-model.ts";

const GOLDEN = join(import.meta.dir, "golden");
const MODELS = join(import.meta.dir, "../../models");
const WAIT_MS = 20_000;
const POOL = { workers: 1, maxQueued: 1, taskTimeoutMs: WAIT_MS, maxPixels: 64_000_000 };

const pictures = readdirSync(join(GOLDEN, "pictures")).toSorted();
const folder = openTemporaryFolder();
let manifest: ModelManifest;
let model: Classifier;
let echo: Classifier;

beforeAll(async () => {
  manifest = await readManifest(MODELS, "album-v1");
  model = await openClassifier({ folders: [MODELS], names: ["album-v1"], views: [], ...POOL });
  await installEcho();
  echo = await openClassifier({ folders: [folder.path], names: ["echo"], views: [], ...POOL });
});
afterAll(async () => {
  await model.close();
  await echo.close();
  folder[Symbol.dispose]();
});

/** A model with album-v1's input that answers with it, through a sigmoid to stay within 0..1. */
async function installEcho(): Promise<void> {
  const { width, height } = manifest.input;
  const file = encodeEchoModel(height, width);
  const labels = Array.from({ length: 3 * width * height }, (_, at) => `v${at}`);
  const told = {
    ...manifest,
    name: "echo",
    file: "echo.onnx",
    sha256: Bun.SHA256.hash(file, "hex"),
    input: { ...manifest.input, name: "input" },
    output: { name: "logits", activation: "sigmoid" },
    labels,
    categories: Object.fromEntries(labels.map((label) => [label, "other"])),
  };
  await Bun.write(join(folder.path, "echo.onnx"), file);
  await Bun.write(join(folder.path, "echo.json"), JSON.stringify(told));
}

async function classify(by: Classifier, picture: string): Promise<number[]> {
  const bytes = await Bun.file(join(GOLDEN, "pictures", picture)).bytes();
  const outcome = await by.classify(bytes, WAIT_MS);
  if (!outcome.ok) throw new Error(`${picture}: ${outcome.detail}`);
  return Object.values(outcome.value.labels);
}

/** What a worker made of the picture, back from the tensor to pixels, plane by plane. */
async function seenPixels(picture: string): Promise<number[]> {
  const { scale, mean, std, width, height } = manifest.input;
  const values = await classify(echo, picture);
  return values.map((value, at) => {
    const channel = Math.floor(at / (width * height));
    return (Math.log(value / (1 - value)) * std[channel]! + mean[channel]!) / scale;
  });
}

/** What training made of it. */
async function trainedPixels(picture: string): Promise<number[]> {
  const { width, height } = manifest.input;
  const file = join(GOLDEN, "pixels", `${picture}.png`);
  // From memory: the decoder keeps sharp from reading paths.
  const rows = await sharp(await Bun.file(file).bytes())
    .toColourspace("srgb")
    .raw()
    .toBuffer();
  const area = width * height;
  return Array.from(
    { length: 3 * area },
    (_, at) => rows[(at % area) * 3 + Math.floor(at / area)]!,
  );
}

/** Logits less their mean: what a softmax leaves of them. */
function centred(logits: readonly number[]): number[] {
  const mean = logits.reduce((sum, logit) => sum + logit, 0) / logits.length;
  return logits.map((logit) => logit - mean);
}

function differences(some: readonly number[], others: readonly number[]): number[] {
  return some.map((value, at) => Math.abs(value - others[at]!)).toSorted((a, b) => a - b);
}

/**
 * How far server and training may be apart: `mean` and `p99` in steps of 8-bit colour, `logit` in
 * logits. libvips and Pillow round differently, decode chroma differently, and a JPEG that is much too
 * large is decoded at a fraction of its size here.
 */
const REDUCED = { mean: 0.75, p99: 3, logit: 0.25 };
/** What libvips enlarges lies half a pixel further to the right and down than what Pillow does. */
const ENLARGED = { mean: 4, p99: 50, logit: 0.6 };

describe("server and training", () => {
  test("measured the shipped model; after an export run models/train/golden.py", () => {
    expect({ sha256: golden.sha256, labels: golden.labels }).toEqual({
      sha256: manifest.sha256,
      labels: manifest.labels,
    });
  });

  test.each(pictures)("see the same in %s", async (picture) => {
    const allowed = picture.startsWith("small") ? ENLARGED : REDUCED;
    const apart = differences(await seenPixels(picture), await trainedPixels(picture));
    const mean = apart.reduce((sum, value) => sum + value, 0) / apart.length;
    expect(mean).toBeLessThan(allowed.mean);
    expect(apart[Math.floor(apart.length * 0.99)]).toBeLessThan(allowed.p99);
  });

  test.each(pictures)("make the same of %s", async (picture) => {
    const allowed = picture.startsWith("small") ? ENLARGED : REDUCED;
    const trained = golden.logits[picture as keyof typeof golden.logits];
    const probabilities = await classify(model, picture);
    const { temperature } = manifest.output;
    const logits = probabilities.map((probability) => Math.log(probability) * temperature);
    expect(differences(centred(logits), centred(trained)).at(-1)).toBeLessThan(allowed.logit);
    expect(indexOfMost(probabilities)).toBe(indexOfMost(trained));
  });
});

function indexOfMost(values: readonly number[]): number {
  return values.indexOf(Math.max(...values));
}
