import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import type { LocalPicture } from "../../src/classification/ports/local-model.ts";
import { createPictureReader } from "../../src/imaging/picture-reader.ts";
import { fitPicture } from "../../src/inference/fit-picture.ts";
import { type OpenLocalModel, openLocalModel } from "../../src/inference/open-local-model.ts";
import type { WorkerEvent } from "../../src/inference/worker-slot.ts";
import * as pictures from "../support/pictures.ts";
import { createModelDir, type ModelDir, tinyManifest } from "./fixtures/model-dir.ts";
import { encodeTinyModel } from "./fixtures/tiny-model.ts";
import { until } from "./fixtures/until.ts";

const WAIT_MS = 20_000;
const inAWhile = () => Date.now() + WAIT_MS;

let dir: ModelDir;
let model: OpenLocalModel;

const MAX_PIXELS = 64_000_000;

beforeAll(async () => {
  dir = await createModelDir(64);
  model = await open();
});
afterAll(async () => {
  await model.close(1000);
  await dir[Symbol.asyncDispose]();
});

function open(
  options: Partial<Parameters<typeof openLocalModel>[0]> = {},
): Promise<OpenLocalModel> {
  const pool = { workers: 2, maxQueued: 50, taskTimeoutMs: 5000, maxPixels: MAX_PIXELS };
  return openLocalModel({ folders: [dir.path], names: ["tiny"], ...pool, ...options });
}

const reader = createPictureReader({ maxPixels: MAX_PIXELS, concurrency: 2, maxQueued: 100 });
afterAll(() => reader.close());

function upload(bytes: Uint8Array, { thumbnailShape } = model): LocalPicture {
  return { bytes, glance: () => reader.glance(bytes, thumbnailShape ?? undefined) };
}

async function reasonOf(bytes: Uint8Array, local = model): Promise<string> {
  const outcome = await local.classify(upload(bytes, local), inAWhile());
  return outcome.ok ? "ok" : outcome.reason;
}

/** Of this process's worker threads; fields 2 and 19 of proc_pid_stat(5). */
function workerNiceness(): number[] {
  return readdirSync("/proc/self/task").flatMap((thread) => {
    try {
      const stat = readFileSync(`/proc/self/task/${thread}/stat`, "utf8");
      const [name, fields] = stat.slice(stat.indexOf("(") + 1).split(") ") as [string, string];
      return name === "Worker" ? Number(fields.split(" ")[16]) : [];
    } catch {
      return []; // It has ended meanwhile.
    }
  });
}

describe("a picture", () => {
  test("gets the probability of each label", async () => {
    const outcome = await model.classify(upload(await pictures.animation("gif")), inAWhile());
    if (!outcome.ok) throw new Error(outcome.detail);
    const { red, green, blue } = outcome.value.labels;
    expect(red).toBeGreaterThan(0.99);
    expect(red! + green! + blue!).toBeCloseTo(1, 6);
  });

  test("of every format that is read is answered", async () => {
    for (const format of ["jpeg", "png", "webp", "gif", "avif"] as const)
      expect(await reasonOf(await pictures.drawPhoto({ format }))).toBe("ok");
    const odd = [
      pictures.cmykJpeg(),
      pictures.sixteenBitPng(),
      pictures.mpo(),
      pictures.onePixel(),
    ];
    for (const bytes of await Promise.all(odd)) expect(await reasonOf(bytes)).toBe("ok");
  });

  test("that is broken, a bomb or none at all is refused, and costs no worker", async () => {
    expect(await reasonOf(await pictures.truncatedJpeg())).toBe("corrupt");
    expect(await reasonOf(await pictures.scrambledJpeg())).toBe("corrupt");
    expect(await reasonOf(pictures.hugePng())).toBe("too_many_pixels");
    expect(await reasonOf(pictures.hugeGif())).toBe("too_many_pixels");
    expect(await reasonOf(pictures.svg())).toBe("unsupported_format");
    expect(await reasonOf(pictures.emptyFile())).toBe("unsupported_format");
    expect(model.stats().restarts).toBe(0);
  });

  test("is still the caller's afterwards", async () => {
    const photo = await pictures.drawPhoto();
    const copy = photo.slice();
    expect(await reasonOf(photo)).toBe("ok");
    expect(photo).toEqual(copy);
  });
});

describe("a model that is shown whole pictures", () => {
  test("looks at the thumbnail, and decodes nothing", async () => {
    await dir.writeManifest({ input: { ...tinyManifest("", 64).input, resize: "fill" } });
    const local = await open();
    await dir.writeManifest();
    expect(local.thumbnailShape).toEqual({ width: 64, height: 64, kernel: "cubic" });
    const glance = upload(await pictures.animation("gif"), local).glance();
    const picture = { bytes: pictures.emptyFile(), glance: () => glance };
    for (let time = 0; time < 2; time++) {
      const outcome = await local.classify(picture, inAWhile());
      if (!outcome.ok) throw new Error(outcome.detail);
      expect(outcome.value.labels["red"]).toBeGreaterThan(0.99);
    }
    expect(await reasonOf(await pictures.truncatedJpeg(), local)).toBe("corrupt");
    await local.close(1000);
  });

  test("is shown what it would decode itself", async () => {
    const input = { ...tinyManifest("", 64).input, resize: "fill" } as const;
    const shape = { width: 64, height: 64, kernel: "cubic" } as const;
    for (const bytes of [await pictures.drawPhoto(), await pictures.exifJpeg(6)]) {
      const fitted = await fitPicture(bytes, input, { maxPixels: MAX_PIXELS, timeoutMs: 5000 });
      const glance = await reader.glance(bytes, shape);
      if (!fitted.ok || !glance.ok) throw new Error("a drawn picture was refused");
      expect(new Uint8Array(glance.value.thumbnail.pixels)).toEqual(fitted.value);
    }
  });
});

describe("opening", () => {
  test("tells what the domain needs to know", () => {
    const categories = { red: "foods", green: "pets", blue: "other" };
    expect(model.card).toEqual({ name: "tiny", version: "1.2.3", categories, unsure: 0.5 });
    expect(model.isAvailable()).toBe(true);
  });

  test("fails where the checksum is wrong", async () => {
    await dir.writeManifest({ sha256: "0".repeat(64) });
    const opening = open();
    await expect(opening).rejects.toThrow("the manifest says 0000");
    await dir.writeManifest();
  });

  test("with a model that does not fit its manifest is open and never available", async () => {
    const misfits = {
      "labels: ": { labels: ["red", "green"], categories: {} },
      "input: ": { input: { ...tinyManifest("").input, name: "pixels" } },
      "output: ": { output: { ...tinyManifest("").output, name: "scores" } },
      "size: ": { input: { ...tinyManifest("").input, width: 65 } },
    };
    for (const misfit of Object.values(misfits)) {
      const events: WorkerEvent[] = [];
      await dir.writeManifest(misfit);
      const local = await open({
        onEvent: (event) => events.push(event),
        backoffMs: { min: 1, max: 5 },
      });
      expect(await reasonOf(await pictures.onePixel(), local)).toBe("worker_crashed");
      expect(local.isAvailable()).toBe(false);
      expect(events[0]).toMatchObject({
        type: "worker_lost",
        detail: expect.stringContaining("cannot load the model"),
      });
      await local.close(100);
    }
    await dir.writeManifest();
  });

  test("a worker that starts later proves the model file again", async () => {
    await using other = await createModelDir(1024);
    const events: WorkerEvent[] = [];
    const local = await open({
      folders: [other.path],
      workers: 1,
      taskTimeoutMs: 1,
      backoffMs: { min: 1, max: 5 },
      onEvent: (event) => events.push(event),
    });
    await until("the worker is ready", () => local.stats().ready === 1);
    await Bun.write(join(other.path, "tiny.onnx"), "something else");
    const photo = await pictures.drawPhoto();
    while (events.every((event) => event.type !== "worker_lost")) await reasonOf(photo, local);
    await until("the new worker refuses the file", () =>
      events.some((event) => event.type === "worker_lost" && event.detail.includes("SHA-256")),
    );
    await local.close(100);
  });
});

/** Beside tiny: a smaller model that takes red for blue. */
async function addSwapped(): Promise<void> {
  const model = encodeTinyModel(16, 16);
  const { input, ...manifest } = tinyManifest(Bun.SHA256.hash(model, "hex"), 16);
  const swapped = { ...manifest, name: "swapped", version: "2", file: "swapped.onnx" };
  await Bun.write(join(dir.path, "swapped.onnx"), model);
  await Bun.write(
    join(dir.path, "swapped.json"),
    JSON.stringify({ ...swapped, unsure: 0.7, input: { ...input, channels: "bgr" } }),
  );
}

describe("an ensemble", () => {
  test("averages what its models say, each of its own input, in the same workers", async () => {
    await addSwapped();
    const both = await open({ names: ["tiny", "swapped"] });
    expect(both.card).toMatchObject({ name: "tiny+swapped", version: "1.2.3+2", unsure: 0.7 });
    const outcome = await both.classify(upload(await pictures.animation("gif"), both), inAWhile());
    if (!outcome.ok) throw new Error(outcome.detail);
    const { red, green, blue } = outcome.value.labels;
    expect(red).toBeCloseTo(0.5, 2);
    expect(blue).toBeCloseTo(0.5, 2);
    expect(red! + green! + blue!).toBeCloseTo(1, 6);
    expect(both.stats()).toMatchObject({ workers: 2, completed: 1, restarts: 0 });
    await both.close(1000);
  });

  test("opens only whole", async () => {
    await expect(open({ names: ["tiny", "absent"] })).rejects.toThrow("absent.json");
    await Bun.write(join(dir.path, "swapped.onnx"), "something else");
    await expect(open({ names: ["tiny", "swapped"] })).rejects.toThrow("SHA-256");
  });
});

/** Blue, a red square in the middle: the whole leans to blue, the middle is red. */
async function drawSplit(): Promise<Uint8Array> {
  const create = { width: 64, height: 64, channels: 3, background: "red" } as const;
  return sharp({ create }).extend({ left: 64, right: 64, background: "blue" }).png().toBuffer();
}

function openWith(manifest: Record<string, unknown>, options = {}): Promise<OpenLocalModel> {
  return dir
    .writeManifest({
      input: { ...tinyManifest("", 64).input, resize: "fill" },
      output: { ...tinyManifest("").output, temperature: 1 },
      ...manifest,
    })
    .then(() => open(options));
}

async function labelsOf(local: OpenLocalModel, bytes: Uint8Array, deadlineAt = inAWhile()) {
  const outcome = await local.classify(upload(bytes, local), deadlineAt);
  return outcome.ok ? outcome.value.labels : null;
}

describe("a second look", () => {
  test("is taken where the first leaves the model unsure, and both count", async () => {
    const local = await openWith({ views: ["middle", "mirror"], unsure: 0.9 });
    const labels = await labelsOf(local, await drawSplit());
    // Means of (1/3, 0, 2/3) twice and (1, 0, 0) once, after the softmax.
    expect(labels!["red"]).toBeCloseTo((0.321 * 2 + 0.576) / 3, 2);
    expect(labels!["blue"]).toBeCloseTo((0.448 * 2 + 0.212) / 3, 2);
    expect(local.stats()).toMatchObject({ completed: 2 });
    await local.close(1000);
  });

  test("is not taken where the model is sure, or knows no further views", async () => {
    const split = await drawSplit();
    for (const manifest of [
      { views: ["middle"], unsure: 0.4 },
      { views: [], unsure: 0.9 },
    ]) {
      const local = await openWith(manifest);
      expect((await labelsOf(local, split))!["blue"]).toBeCloseTo(0.448, 2);
      expect(local.stats().completed).toBe(1);
      await local.close(1000);
    }
    const told = await openWith({ views: ["middle"], unsure: 0.9 }, { views: [] });
    await labelsOf(told, split);
    expect(told.stats().completed).toBe(1);
    await told.close(1000);
  });

  test("is not taken while others wait, or when the deadline is near", async () => {
    const local = await openWith({ views: ["middle"], unsure: 0.9 }, { workers: 1 });
    const split = await drawSplit();
    await Promise.all(Array.from({ length: 10 }, () => labelsOf(local, split)));
    const { completed } = local.stats();
    expect(completed).toBeGreaterThan(10);
    expect(completed).toBeLessThan(15);
    await labelsOf(local, split, Date.now() + 900);
    expect(local.stats().completed).toBeLessThanOrEqual(completed + 1);
    await local.close(1000);
    await dir.writeManifest();
  });
});

describe("under load", () => {
  test.skipIf(process.platform !== "linux")("workers give way to requests", async () => {
    const local = await open();
    await until("both workers are ready", () => local.stats().ready === 2);
    expect(new Set(workerNiceness())).toEqual(new Set([10]));
    expect(getPriority()).toBeLessThan(10);
    await local.close(1000);
  });

  test("the queue is bounded, and everything in it is answered", async () => {
    const local = await open({ maxQueued: 5 });
    await until("both workers are ready", () => local.stats().ready === 2);
    const photo = await pictures.drawPhoto();
    const reasons = await Promise.all(Array.from({ length: 12 }, () => reasonOf(photo, local)));
    // Two with the workers, one decoded for whichever is free first, five in the queue.
    expect(reasons.filter((reason) => reason === "ok")).toHaveLength(8);
    expect(reasons.filter((reason) => reason === "overloaded")).toHaveLength(4);
    await local.close(1000);
  });

  test("a closing model answers everything it took", async () => {
    const local = await open();
    const photo = await pictures.drawPhoto();
    const answers = Array.from({ length: 20 }, () => reasonOf(photo, local));
    await local.close(0);
    for (const reason of await Promise.all(answers)) expect(["ok", "closed"]).toContain(reason);
    expect(await reasonOf(photo, local)).toBe("closed");
  });

  test("workers that overrun are replaced, over and over, and the process lives", async () => {
    await using large = await createModelDir(1024);
    const local = await open({
      folders: [large.path],
      taskTimeoutMs: 1,
      backoffMs: { min: 1, max: 2 },
    });
    const photo = await pictures.drawPhoto();
    const seen = new Set<string>();
    for (let round = 0; round < 15; round++) {
      const reasons = await Promise.all(Array.from({ length: 2 }, () => reasonOf(photo, local)));
      for (const reason of reasons) seen.add(reason);
    }
    expect(seen).toContain("timeout");
    expect(local.stats().restarts).toBeGreaterThan(0);
    await local.close(1000);
  }, 60_000);

  test("2,000 pictures leave memory flat", async () => {
    const photos = await Promise.all(
      [1, 2, 3, 4].map((seed) => pictures.drawPhoto({ seed, width: 320, height: 240 })),
    );
    const classifyMany = async (count: number) => {
      for (let done = 0; done < count; done += 20) {
        const batch = Array.from({ length: 20 }, (_, index) => reasonOf(photos[index % 4]!));
        for (const reason of await Promise.all(batch)) expect(reason).toBe("ok");
      }
      Bun.gc(true);
      return process.memoryUsage.rss();
    };
    const warm = await classifyMany(400);
    const soaked = await classifyMany(2000);
    expect(soaked - warm).toBeLessThan(20_000_000);
    expect(model.stats()).toMatchObject({ queued: 0, busy: 0, restarts: 0 });
  }, 60_000);
});
