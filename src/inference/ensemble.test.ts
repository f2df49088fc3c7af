import { describe, expect, test } from "bun:test";
import { tinyManifest } from "../../test/workers/fixtures/model-dir.ts";
import { createEnsemble, highestCategory } from "./ensemble.ts";
import type { ModelManifest } from "./manifest.ts";

function manifest(changes: Partial<ModelManifest> = {}): ModelManifest {
  return { ...tinyManifest("0".repeat(64)), ...changes };
}

const BASE = [{ model: 0 }, { model: 1 }];

describe("one model", () => {
  const { card, average } = createEnsemble([manifest()]);

  test("is itself", () => {
    const { name, version, categories, unsure } = manifest();
    expect(card).toEqual({ name, version, categories, unsure });
    const rows = [[0.7, 0.2, 0.1]];
    expect(average([{ model: 0 }], rows)).toEqual({ red: 0.7, green: 0.2, blue: 0.1 });
  });

  test("gives the mean of what it says of several views", () => {
    const views = [{ model: 0 }, { model: 0 }];
    const { red, green } = average(views, [
      [0.8, 0.2, 0],
      [0.4, 0, 0.6],
    ]);
    expect(red).toBeCloseTo(0.6, 9);
    expect(green).toBeCloseTo(0.1, 9);
  });
});

describe("two models", () => {
  const other = manifest({
    name: "other",
    version: "7",
    labels: ["green", "violet", "red"],
    categories: { green: "pets", violet: "foods", red: "travel_scenery" },
    unsure: 0.8,
  });
  const { card, average } = createEnsemble([manifest(), other]);

  test("are named together, and as careful as the more careful of them", () => {
    expect(card).toMatchObject({ name: "tiny+other", version: "1.2.3+7", unsure: 0.8 });
  });

  test("share labels that mean the same, and keep apart those that don't", () => {
    expect(card.categories).toEqual({
      red: "foods",
      green: "pets",
      blue: "other",
      violet: "foods",
      "other:red": "travel_scenery",
    });
    const labels = average(BASE, [
      [0.5, 0.3, 0.2],
      [0.9, 0.1, 0],
    ]);
    expect(labels).toEqual({ red: 0.25, green: 0.6, blue: 0.1, violet: 0.05, "other:red": 0 });
  });

  test("count the same, however often each was asked", () => {
    const views = [...BASE, { model: 1 }];
    const { green } = average(views, [
      [0, 1, 0],
      [0, 1, 0],
      [1, 0, 0],
    ]);
    expect(green).toBeCloseTo((1 + 0.5) / 2, 9);
  });
});

test("labels of a category count together for how sure an answer is", () => {
  const categories = { red: "foods", green: "pets", blue: "foods" };
  expect(highestCategory({ red: 0.3, green: 0.4, blue: 0.2 }, categories)).toBe(0.5);
  expect(highestCategory({ unknown: 1 }, categories)).toBe(0);
});

test("a name too long for the databases is refused", () => {
  const manifests = [..."abcd"].map((letter) => manifest({ name: letter.repeat(64) }));
  expect(() => createEnsemble(manifests)).toThrow("is longer than 255 characters");
});
