import { describe, expect, test } from "bun:test";
import {
  createLocalModel,
  createScriptedModel,
  petsWith,
  THUMBNAIL,
  photo,
  pictureHashOf,
} from "../../test/support/fake-models.ts";
import { createClassify, type InferenceMode, type Picture } from "./classify-by-mode.ts";
import { createProfile, DEFAULT_PROFILE } from "./profile.ts";

const FOODS = 3;
const DEADLINE = 1_800_000_010_000;

interface World {
  /** null: none configured. */
  language: "answers" | "fails" | null;
  local: "sure" | "unsure" | "fails" | null;
}

function openWorld(mode: InferenceMode, { language, local }: World) {
  const languageModel = createScriptedModel();
  if (language === "fails") languageModel.failure = "timeout";
  const localModel = createLocalModel(
    local === "fails"
      ? () => ({ ok: false, reason: "worker_crashed", detail: "gone" })
      : petsWith(local === "sure" ? 0.8 : 0.4),
    0.5,
  );
  const classify = createClassify({
    mode,
    profile: DEFAULT_PROFILE,
    languageModel: language && languageModel,
    localModel: local && localModel,
    localReserveMs: 2_000,
  });
  const picture = newPicture();
  return { languageModel, localModel, picture, ask: () => classify(picture, DEADLINE) };
}

const refuse: Picture["prepare"] = async () => ({ ok: false, reason: "overloaded", detail: "" });

function newPicture() {
  const bytes = photo(FOODS);
  const value = { jpeg: bytes, pictureHash: pictureHashOf(FOODS) };
  const picture: Picture & { prepared: number } = {
    bytes,
    prepared: 0,
    glance: async () => ({
      ok: true,
      value: { pictureHash: value.pictureHash, thumbnail: THUMBNAIL },
    }),
    async prepare() {
      this.prepared++;
      return { ok: true, value };
    },
  };
  return picture;
}

/** `method`, `method (provisional)`, or the failure's reason. */
async function outcomeOf(mode: InferenceMode, world: World): Promise<string> {
  const outcome = await openWorld(mode, world).ask();
  if (!outcome.ok) return outcome.reason;
  const { classification, provisional } = outcome.value;
  return provisional ? `${classification.method} (provisional)` : classification.method;
}

describe("who answers", () => {
  const table: [InferenceMode, World["language"], World["local"], string][] = [
    ["llm-first", "answers", "sure", "llm"],
    ["llm-first", "answers", null, "llm"],
    ["llm-first", "fails", "sure", "local_fallback (provisional)"],
    ["llm-first", "fails", "unsure", "local_fallback (provisional)"],
    ["llm-first", "fails", "fails", "timeout"],
    ["llm-first", "fails", null, "timeout"],
    ["llm-first", null, "sure", "local"],
    ["llm-first", null, "unsure", "local"],
    ["llm-first", null, "fails", "worker_crashed"],
    ["local-first", "answers", "sure", "local"],
    ["local-first", "answers", "unsure", "llm_fallback"],
    ["local-first", "answers", "fails", "llm_fallback"],
    ["local-first", "answers", null, "llm_fallback"],
    ["local-first", "fails", "sure", "local"],
    ["local-first", "fails", "unsure", "local (provisional)"],
    ["local-first", "fails", "fails", "timeout"],
    ["local-first", null, "sure", "local"],
    ["local-first", null, "unsure", "local"],
    ["local-first", null, "fails", "not_configured"],
    ["llm-only", "answers", "sure", "llm"],
    ["llm-only", "fails", "sure", "timeout"],
    ["llm-only", null, "sure", "not_configured"],
    ["local-only", "answers", "sure", "local"],
    ["local-only", "answers", "unsure", "local"],
    ["local-only", "answers", "fails", "worker_crashed"],
    ["local-only", "answers", null, "not_configured"],
  ];
  test.each(table)(
    "%s, language model %p, local model %p: %s",
    async (mode, language, local, who) => {
      expect(await outcomeOf(mode, { language, local })).toBe(who);
    },
  );
});

describe("a model that is not needed", () => {
  test.each([
    ["llm-first", 1, 0],
    ["local-first", 0, 1],
    ["llm-only", 1, 0],
    ["local-only", 0, 1],
  ] as const)("is not asked in %s", async (mode, languageCalls, localCalls) => {
    const world = openWorld(mode, { language: "answers", local: "sure" });
    await world.ask();
    expect(world.languageModel.calls.size).toBe(languageCalls);
    expect(world.localModel.calls).toBe(localCalls);
  });
});

test("a picture is prepared only where a language model is asked", async () => {
  const local = openWorld("local-first", { language: "answers", local: "sure" });
  await local.ask();
  expect(local.picture.prepared).toBe(0);
  const fallback = openWorld("local-first", { language: "answers", local: "unsure" });
  await fallback.ask();
  expect(fallback.picture.prepared).toBe(1);
});

test("a picture that cannot be prepared is left to the local model", async () => {
  const world = openWorld("llm-first", { language: "answers", local: "sure" });
  world.picture.prepare = refuse;
  expect(await world.ask()).toMatchObject({ ok: true, value: { provisional: true } });
  const alone = openWorld("llm-only", { language: "answers", local: null });
  alone.picture.prepare = refuse;
  expect(await alone.ask()).toMatchObject({ ok: false, reason: "overloaded" });
});

test("a language model that goes first leaves the local model its time", async () => {
  const first = openWorld("llm-first", { language: "fails", local: "sure" });
  await first.ask();
  expect(first.languageModel.deadlines).toEqual([DEADLINE - 2_000]);
  const only = openWorld("llm-only", { language: "answers", local: null });
  await only.ask();
  expect(only.languageModel.deadlines).toEqual([DEADLINE]);
});

test("two failures are both told, the language model's as the reason", async () => {
  const outcome = await openWorld("local-first", { language: "fails", local: "fails" }).ask();
  const detail = "language model: as told; local model: gone";
  expect(outcome).toEqual({ ok: false, reason: "timeout", detail });
});

test("a local answer that means nothing in the profile falls through to the language model", async () => {
  const categories = ["screenshot", "idcard"].map((key) => ({ key, names: {}, meaning: key }));
  const profile = createProfile({ categories, prompt: "{categories}", language: "en" });
  const localModel = createLocalModel(petsWith(0.9));
  const deps = { profile, localModel, localReserveMs: 0 };
  const ask = (mode: InferenceMode) =>
    createClassify({ ...deps, mode, languageModel: createScriptedModel() })(newPicture(), DEADLINE);
  expect(await ask("local-only")).toMatchObject({ ok: false, reason: "unmapped_label" });
  expect(await ask("local-first")).toMatchObject({
    ok: true,
    value: { classification: { method: "llm_fallback" } },
  });
});

test("a language model's answer carries its provider and no local probabilities", async () => {
  const outcome = await openWorld("llm-first", { language: "answers", local: "sure" }).ask();
  const classification = { provider: "fake", model: "fake-vision", localInference: null };
  expect(outcome).toMatchObject({ ok: true, value: { classification } });
});
