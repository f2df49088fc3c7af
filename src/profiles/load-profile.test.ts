import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { openTemporaryFolder } from "../../test/support/temporary-folder.ts";
import { DEFAULT_PROFILE, renderPrompt } from "../classification/profile.ts";
import { loadProfile, ProfileError } from "./load-profile.ts";

const CATEGORIES = [
  { key: "cats", names: { en: "Cats" }, meaning: "cats", localLabels: ["tabby"] },
  { key: "dogs", meaning: "dogs" },
];

async function load(content: unknown) {
  using folder = openTemporaryFolder();
  const file = join(folder.path, "profile.json");
  await Bun.write(file, typeof content === "string" ? content : JSON.stringify(content));
  return await loadProfile(file);
}

/** The lines of the error, without the name of the file. */
async function mistakesOf(content: unknown): Promise<string[]> {
  const error = await load(content).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(ProfileError);
  return (error as ProfileError).message
    .split("\n")
    .map((line) => line.replace(/^.*profile\.json"?: /, ""));
}

test("without a file the profile is the default one", async () => {
  expect(await loadProfile(null)).toBe(DEFAULT_PROFILE);
});

describe("a profile file", () => {
  test("gives its categories, with the default prompt and language where it has none", async () => {
    const profile = await load({ categories: CATEGORIES });
    expect(profile).toMatchObject({
      categories: [CATEGORIES[0], { key: "dogs", names: {}, meaning: "dogs" }],
      prompt: DEFAULT_PROFILE.prompt,
      language: "zh",
    });
    expect(profile.id).toMatch(/^[0-9a-f]{12}$/);
    expect(profile.id).not.toBe(DEFAULT_PROFILE.id);
  });

  test("keeps its own prompt and language", async () => {
    const own = { prompt: "One of {categories} in {language}", language: "zh-Hant" };
    const profile = await load({ categories: CATEGORIES, ...own });
    expect(renderPrompt(profile)).toBe("One of - cats: cats\n- dogs: dogs in Traditional Chinese");
  });

  test("tells the language model its examples, and is another one with them", async () => {
    const examples = ["a cat on a sofa", "paw prints in snow"];
    const prompt = "{categories}";
    const plain = await load({ categories: CATEGORIES, prompt });
    const categories = [{ ...CATEGORIES[0], examples }, CATEGORIES[1]];
    const profile = await load({ categories, prompt });
    expect(renderPrompt(profile)).toBe(
      "- cats: cats (for example: a cat on a sofa; paw prints in snow)\n- dogs: dogs",
    );
    expect(profile.id).not.toBe(plain.id);
  });

  test.each([
    ["no categories", {}, "categories: "],
    ["a single category", { categories: CATEGORIES.slice(0, 1) }, "categories: "],
    [
      "a key with a space",
      { categories: [{ key: "big cats", meaning: "m" }, CATEGORIES[1]] },
      "categories.0.key: must be lower-case letters, digits and _",
    ],
    [
      "a category without a meaning",
      { categories: [CATEGORIES[0], { key: "dogs" }] },
      "categories.1.meaning: ",
    ],
    [
      "two equal keys",
      { categories: [CATEGORIES[0], CATEGORIES[0]] },
      "categories: must have different keys",
    ],
    [
      "a prompt without categories",
      { categories: CATEGORIES, prompt: "Sort it." },
      "prompt: must contain {categories}",
    ],
    [
      "no language",
      { categories: CATEGORIES, language: "no language" },
      "language: must be a BCP 47 tag",
    ],
    [
      "a name in no language",
      { categories: [{ ...CATEGORIES[0], names: { "?": "Cats" } }, CATEGORIES[1]] },
      "categories.0.names: must be by BCP 47 tags",
    ],
    [
      "an empty example",
      { categories: [{ ...CATEGORIES[0], examples: [""] }, CATEGORIES[1]] },
      "categories.0.examples.0: ",
    ],
    ["a word that we don't know", { categories: CATEGORIES, promt: "{categories}" }, "the whole: "],
    ["another kind of JSON", [], "the whole: "],
  ])("with %s is refused in one line", async (_, content, line) => {
    const mistakes = await mistakesOf(content);
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toStartWith(line);
  });

  test("tells every mistake", async () => {
    const mistakes = await mistakesOf({
      categories: [{ key: "A", meaning: "" }, CATEGORIES[1]],
      language: "?",
    });
    expect(mistakes.map((line) => line.split(":")[0])).toEqual([
      "categories.0.key",
      "categories.0.meaning",
      "language",
    ]);
  });

  test("that is no JSON, or not there, is named in one line", async () => {
    expect(await mistakesOf("{")).toEqual(["must be a readable JSON file"]);
    const missing = loadProfile("/nowhere/profile.json");
    expect(missing).rejects.toThrow(
      'PROFILE_FILE="/nowhere/profile.json": must be a readable JSON file',
    );
  });
});
