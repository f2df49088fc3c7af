import { describe, expect, test } from "bun:test";
import { canAnswerLocally, mapLabels, readLocalAnswer } from "./local-answer.ts";
import type { LocalModelCard } from "./ports/local-model.ts";
import { createProfile, DEFAULT_PROFILE, type Profile } from "./profile.ts";

const CARD: LocalModelCard = {
  name: "tiny",
  version: "3",
  categories: { tabby: "pets", poodle: "pets", soup: "foods", wall: "other" },
  unsure: 0.5,
};

/** A profile with these keys; `localLabels` by key. */
function profileOf(keys: readonly string[], localLabels: Record<string, string[]> = {}): Profile {
  const categories = keys.map((key) => {
    const category = { key, names: { en: `The ${key}` }, meaning: key };
    return localLabels[key] ? { ...category, localLabels: localLabels[key] } : category;
  });
  return createProfile({ categories, prompt: "{categories}", language: "en" });
}

function read(labels: Record<string, number>, profile = DEFAULT_PROFILE) {
  return readLocalAnswer({ labels }, CARD, mapLabels(CARD, profile), profile);
}

const canServe = (profile: Profile) => canAnswerLocally(mapLabels(CARD, profile));

describe("labels", () => {
  test("mean the category that the manifest names", () => {
    expect(Object.fromEntries(mapLabels(CARD, DEFAULT_PROFILE))).toEqual(CARD.categories);
  });

  test("mean what the profile says, over the manifest", () => {
    const profile = profileOf(["cats", "pets", "other"], { cats: ["tabby"] });
    const mapping = mapLabels(CARD, profile);
    expect(Object.fromEntries(mapping)).toEqual({
      tabby: "cats",
      poodle: "pets",
      soup: "other",
      wall: "other",
    });
  });

  test("without a category mean none where the profile has no `other`", () => {
    const mapping = mapLabels(CARD, profileOf(["pets", "foods"]));
    expect(mapping.get("wall")).toBeNull();
    expect(mapping.get("tabby")).toBe("pets");
  });

  test("serve a profile only when they tell two of its categories apart", () => {
    expect(canServe(DEFAULT_PROFILE)).toBe(true);
    expect(canServe(profileOf(["pets", "foods"]))).toBe(true);
    expect(canServe(profileOf(["pets", "cars"]))).toBe(false);
    expect(canServe(profileOf(["cars", "boats"]))).toBe(false);
    expect(canServe(profileOf(["cars", "other"]))).toBe(false);
  });
});

describe("an answer", () => {
  test("adds up the labels of a category and gives every category its probability", () => {
    const answer = read({ tabby: 0.35, poodle: 0.25, soup: 0.4, wall: 0 })!;
    expect(answer).toMatchObject({
      category: "pets",
      description: "宠物萌照",
      provider: null,
      model: "tiny@3",
      localInference: { model: "tiny", version: "3" },
    });
    expect(answer.confidence).toBeCloseTo(0.6, 10);
    const { probabilities } = answer.localInference!;
    expect(Object.keys(probabilities)).toEqual(DEFAULT_PROFILE.categories.map(({ key }) => key));
    expect(probabilities["foods"]).toBe(0.4);
    expect(probabilities["idcard"]).toBe(0);
  });

  test("is none when what the profile lacks is likelier than what it has", () => {
    const profile = profileOf(["pets", "foods"]);
    expect(read({ tabby: 0.3, soup: 0.2, wall: 0.5 }, profile)).toBeNull();
    expect(read({ tabby: 0.5, soup: 0.2, wall: 0.3 }, profile)).toMatchObject({ category: "pets" });
  });

  test("ignores labels that the manifest does not have", () => {
    expect(read({ tabby: 0.4, dragon: 0.6 })).toBeNull();
  });

  test("never has a confidence above 1, whatever the rounding", () => {
    expect(read({ tabby: 0.7, poodle: 0.3000001 })!.confidence).toBe(1);
  });
});
