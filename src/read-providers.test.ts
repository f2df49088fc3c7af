import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { openTemporaryFolder } from "../test/support/temporary-folder.ts";
import { ConfigError, hasLanguageModel, parseConfig } from "./config.ts";

type Variables = Record<string, string>;

function providersOf(environment: Variables) {
  return parseConfig(environment).providers;
}

function mistakesOf(environment: Variables): readonly string[] {
  try {
    parseConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
  return [];
}

describe("plain variables", () => {
  test("may name no provider at all", () => {
    expect(providersOf({})).toEqual([]);
    expect(hasLanguageModel(parseConfig({}))).toBe(false);
  });

  test("mean OpenAI with a key alone", () => {
    expect(providersOf({ LLM_API_KEY: "sk-x" })).toMatchObject([
      { name: "api.openai.com", baseUrl: "https://api.openai.com/v1", model: "gpt-4o-mini" },
    ]);
  });

  test("mean an unknown vendor with an address alone", () => {
    const [provider] = providersOf({
      LLM_BASE_URL: "http://127.0.0.1:9/v1",
      OPENAI_API_KEY: "sk-x",
    });
    expect(provider).toMatchObject({
      name: "127.0.0.1:9",
      apiKey: null,
      structuredOutput: "json_schema",
    });
  });

  test("take the vendor from one word, with its own key variable or ours", () => {
    const dashscope = { LLM_PRESET: "dashscope", LLM_MODEL: "qwen3-vl-flash" };
    const [own] = providersOf({ ...dashscope, DASHSCOPE_API_KEY: "sk-own" });
    expect(own).toMatchObject({ apiKey: "sk-own", structuredOutput: "json_object" });
    const [ours] = providersOf({
      ...dashscope,
      LLM_API_KEY: "sk-ours",
      DASHSCOPE_API_KEY: "sk-own",
    });
    expect(ours!.apiKey).toBe("sk-ours");
  });

  test("describe a fallback with what it has of its own", () => {
    const [first, second] = providersOf({
      LLM_API_KEY: "sk-1",
      LLM_INPUT_PRICE: "0.15",
      LLM_OUTPUT_PRICE: "0.6",
      LLM_TIMEOUT_MS: "7000",
      LLM_FALLBACK_API_KEY: "sk-2",
      LLM_FALLBACK_MODEL: "gpt-4o",
    });
    expect(first).toMatchObject({ prices: { input: 0.15, output: 0.6 }, timeoutMs: 7_000 });
    expect(second).toMatchObject({
      name: "api.openai.com-fallback",
      apiKey: "sk-2",
      model: "gpt-4o",
      prices: null,
      timeoutMs: 7_000,
    });
  });

  test.each([
    [{ LLM_PRESET: "opnai" }, 'LLM_PRESET="opnai": must be openai, dashscope, gemini'],
    [{ LLM_PRESET: "openai" }, 'LLM_PRESET="openai": needs LLM_API_KEY or OPENAI_API_KEY'],
    [{ LLM_PRESET: "ollama" }, 'LLM_PRESET="ollama": needs LLM_MODEL'],
    [{ LLM_BASE_URL: "ftp://x" }, "LLM_BASE_URL="],
    [{ LLM_API_KEY: "x", LLM_INPUT_PRICE: "1" }, "LLM_INPUT_PRICE: must be given together"],
    [{ LLM_FALLBACK_API_KEY: "x" }, "LLM_FALLBACK_…: needs a first provider"],
  ])("%j is refused in one readable line", (environment, line) => {
    const mistakes = mistakesOf(environment as unknown as Variables);
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toStartWith(line);
  });
});

async function withFile<Value>(content: unknown, read: (file: string) => Value): Promise<Value> {
  using folder = openTemporaryFolder();
  const file = join(folder.path, "providers.json");
  await Bun.write(file, JSON.stringify(content));
  return read(file);
}

describe("LLM_PROVIDERS_FILE", () => {
  const CONTENT = {
    providers: [
      { preset: "openai", model: "gpt-4o-mini", apiKeyVariable: "LLM_API_KEY" },
      { preset: "ollama", model: "qwen2.5vl" },
    ],
  };

  test("gives the providers, with keys from the environment", async () => {
    const environment = { LLM_API_KEY: "sk-x" };
    const providers = await withFile(CONTENT, (file) =>
      providersOf({ ...environment, LLM_PROVIDERS_FILE: file }),
    );
    expect(providers).toMatchObject([{ name: "openai", apiKey: "sk-x" }, { name: "ollama" }]);
  });

  test("with a mistake stops the start, and says which file and where", async () => {
    const mistakes = await withFile(CONTENT, (file) => mistakesOf({ LLM_PROVIDERS_FILE: file }));
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toMatch(
      /^LLM_PROVIDERS_FILE=".*": providers\.0\.apiKeyVariable: .*LLM_API_KEY/,
    );
  });

  test("that is not there, or beside plain providers, is a mistake", async () => {
    expect(mistakesOf({ LLM_PROVIDERS_FILE: "/nowhere.json" })).toEqual([
      'LLM_PROVIDERS_FILE="/nowhere.json": must be a readable JSON file',
    ]);
    const both = { LLM_PROVIDERS_FILE: "/nowhere.json", LLM_FALLBACK_PRESET: "ollama" };
    expect(mistakesOf(both)[0]).toContain("leave out LLM_FALLBACK_PRESET");
  });
});
