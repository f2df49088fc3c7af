import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { createClassify } from "../../src/classification/classify-by-mode.ts";
import type { Profile } from "../../src/classification/profile.ts";
import { parseConfig } from "../../src/config.ts";
import { createLifecycle } from "../../src/lifecycle.ts";
import { openConfiguredLocalModel } from "../../src/open-models.ts";
import { loadProfile } from "../../src/profiles/load-profile.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { behaviours } from "../support/fake-provider.ts";
import { openTemporaryFolder } from "../support/temporary-folder.ts";
import { createModelDir, type ModelDir } from "../workers/fixtures/model-dir.ts";
import { openChainFixture } from "./chain-fixture.ts";
import { createPicture } from "./language-model-fixture.ts";

/** The tiny model's labels are red, green and blue. */
const PARTLY_MAPPED = [
  { key: "warm", names: { de: "Warm" }, meaning: "warm colours", localLabels: ["red"] },
  { key: "cold", names: { de: "Kalt" }, meaning: "cold colours", localLabels: ["green"] },
  { key: "receipts", meaning: "receipts", examples: ["a till receipt"] },
];
const UNMAPPED = [
  { key: "receipts", meaning: "receipts" },
  { key: "tickets", meaning: "tickets" },
];

async function createProfileOf(categories: object[]): Promise<Profile> {
  using folder = openTemporaryFolder();
  const file = join(folder.path, "profile.json");
  const prompt = "One of:\n{categories}\nin {language}";
  await Bun.write(file, JSON.stringify({ language: "de", prompt, categories }));
  return await loadProfile(file);
}

describe("a language model", () => {
  test("is told the categories with their examples, and held to them", async () => {
    const profile = await createProfileOf(PARTLY_MAPPED);
    const answer = behaviours.answer({ category: "receipts", description: "Ein Kassenzettel" });
    await using fixture = openChainFixture([behaviours.answer({ category: "foods" }), answer]);
    const outcome = await fixture.chain.classify(createPicture(), profile, Date.now() + 5_000);

    expect(outcome).toMatchObject({
      ok: true,
      value: { category: "receipts", provider: "fake-2" },
    });
    // A category of the default taxonomy is nonsense here: asked once more, then given up.
    expect(fixture.calls()).toEqual([2, 1]);
    const [request] = fixture.fakes[1]!.calls.requests;
    expect(request!.prompt).toContain(
      "- receipts: receipts (for example: a till receipt)\nin German",
    );
    expect(request!.responseFormat).toMatchObject({
      json_schema: { schema: { properties: { category: { enum: ["warm", "cold", "receipts"] } } } },
    });
  });
});

describe("the local model", () => {
  let models: ModelDir;
  beforeAll(async () => {
    models = await createModelDir(32);
  });
  afterAll(() => models[Symbol.asyncDispose]());

  function open(profile: Profile, settings: Record<string, string>) {
    const lifecycle = createLifecycle(() => {});
    const common = { MODELS_DIR: models.path, LOCAL_MODEL: "tiny", LOCAL_WORKERS: "1" };
    const config = parseConfig({ ...common, ...settings });
    const localModel = openConfiguredLocalModel(config, profile, lifecycle, createLog("silent"));
    return { localModel, [Symbol.asyncDispose]: async () => void (await lifecycle.close(5_000)) };
  }

  test("answers as far as its labels map; the rest is the language model's", async () => {
    const profile = await createProfileOf(PARTLY_MAPPED);
    await using opened = open(profile, {
      INFERENCE: "local-first",
      LLM_BASE_URL: "http://127.0.0.1:9",
    });
    const { card } = (await opened.localModel)!;
    const seeing = (label: string) => ({
      card,
      thumbnailShape: null,
      isAvailable: () => true,
      classify: async () => ({
        ok: true as const,
        value: { labels: { [label]: 0.97, red: 0.02 } },
      }),
    });
    await using fixture = openChainFixture([behaviours.answer({ category: "receipts" })]);
    const picture = {
      bytes: new Uint8Array(),
      glance: async () => ({ ok: false as const, reason: "corrupt" as const, detail: "" }),
      prepare: async () => ({ ok: true as const, value: createPicture() }),
    };
    const classify = (label: string) =>
      createClassify({
        mode: "local-first",
        profile,
        languageModel: fixture.chain,
        localModel: seeing(label),
        localReserveMs: 100,
      })(picture, Date.now() + 5_000);

    expect(await classify("green")).toMatchObject({
      value: { classification: { category: "cold", method: "local", description: "Kalt" } },
    });
    expect(fixture.calls()).toEqual([0]);
    expect(await classify("blue")).toMatchObject({
      value: { classification: { category: "receipts", method: "llm_fallback" } },
    });
    expect(fixture.calls()).toEqual([1]);
  });

  test.each([
    ["local-only", { INFERENCE: "local-only" }],
    ["llm-first without a language model", {}],
  ])("whose labels fit nothing is refused at start in %s, in one line", async (_name, settings) => {
    const profile = await createProfileOf(UNMAPPED);
    await using opened = open(profile, settings as Record<string, string>);
    const error = await opened.localModel.catch((cause: unknown) => cause);
    expect(error).toMatchObject({ name: "ConfigError" });
    expect((error as Error).message).toMatch(
      /^PROFILE_FILE=.*labels of local model tiny fit none of its categories.*$/,
    );
  });

  test("whose labels fit nothing is left out where a language model answers", async () => {
    const profile = await createProfileOf(UNMAPPED);
    await using opened = open(profile, { LLM_BASE_URL: "http://127.0.0.1:9/v1" });
    expect(await opened.localModel).toBeNull();
  });
});
