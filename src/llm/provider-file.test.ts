import { describe, expect, test } from "bun:test";
import { parseProviderFile, ProviderMistakes } from "./provider-file.ts";
import { DEFAULT_PROVIDER_SETTINGS } from "./provider-settings.ts";

const KEYS = { OPENAI_API_KEY: "sk-openai", DASHSCOPE_API_KEY: "sk-qwen", OWN_KEY: "sk-own" };
const OLLAMA = { preset: "ollama", model: "qwen2.5vl" };

function parse(...providers: object[]) {
  return parseProviderFile(JSON.stringify({ providers }), KEYS);
}

function mistakesOf(content: unknown): readonly string[] {
  const text = typeof content === "string" ? content : JSON.stringify(content);
  try {
    parseProviderFile(text, KEYS);
  } catch (error) {
    if (error instanceof ProviderMistakes) return error.mistakes;
    throw error;
  }
  return [];
}

describe("a provider file", () => {
  test("needs no more than a preset and a model", () => {
    expect(parse({ preset: "dashscope", model: "qwen3-vl-flash" })).toEqual([
      {
        ...DEFAULT_PROVIDER_SETTINGS,
        name: "dashscope",
        baseUrl: "https://dashscope.aliyuncs.com/compatible-mode/v1",
        apiKey: "sk-qwen",
        model: "qwen3-vl-flash",
        structuredOutput: "json_object",
      },
    ]);
  });

  test("keeps its order, and may say everything itself", () => {
    const own = {
      name: "own",
      baseUrl: "http://10.0.0.7:8000/v1",
      model: "m",
      timeoutMs: 9_000,
      maxRetries: 0,
      concurrency: 4,
      maxQueued: 10,
      requestsPerMinute: 60,
      temperature: 0,
      structuredOutput: "prompt",
      imageDetail: "low",
      maxSide: 512,
    };
    const prices = { inputPrice: 0.15, outputPrice: 0.6 };
    const [first, second] = parse({ ...own, ...prices, apiKeyVariable: "OWN_KEY" }, OLLAMA);
    expect(first).toEqual({
      ...own,
      apiKey: "sk-own",
      prices: { input: 0.15, output: 0.6 },
    } as never);
    expect(second).toMatchObject({ name: "ollama", apiKey: null, prices: null });
  });

  test.each([
    ["no JSON", "{", "the whole: must be JSON"],
    ["no list", {}, "providers: "],
    ["an empty list", { providers: [] }, "providers: "],
    [
      "an unknown preset",
      { providers: [{ ...OLLAMA, preset: "opnai" }] },
      "providers.0.preset: must be one of openai, dashscope, gemini, anthropic, ollama, vllm",
    ],
    [
      "a key variable that is not set",
      { providers: [OLLAMA, { preset: "gemini", model: "m" }] },
      "providers.1.apiKeyVariable: the environment variable GEMINI_API_KEY is not set",
    ],
    [
      "a key in the file",
      { providers: [{ ...OLLAMA, apiKey: "sk-x" }] },
      'providers.0: Unrecognized key: "apiKey"',
    ],
    [
      "a bad address",
      { providers: [{ ...OLLAMA, baseUrl: "localhost:11434" }] },
      "providers.0.baseUrl: must be an address http://… or https://…",
    ],
    [
      "neither preset nor address",
      { providers: [{ model: "m" }] },
      "providers.0.baseUrl: is needed without a preset",
    ],
    ["no model", { providers: [{ preset: "ollama" }] }, "providers.0.model: must be a name"],
    [
      "a misspelt field",
      { providers: [{ ...OLLAMA, timeout: 5 }] },
      'providers.0: Unrecognized key: "timeout"',
    ],
    [
      "a number out of range",
      { providers: [{ ...OLLAMA, timeoutMs: 5 }] },
      "providers.0.timeoutMs: must be a whole number from 100 to 120000",
    ],
    [
      "half a price",
      { providers: [{ ...OLLAMA, outputPrice: 1 }] },
      "providers.0.inputPrice: must be given together with outputPrice",
    ],
    ["two of one name", { providers: [OLLAMA, OLLAMA] }, "providers: two are called ollama"],
    [
      "three sizes",
      {
        providers: [256, 512, 1024].map((maxSide) => ({
          preset: "ollama",
          model: "m",
          name: `o${maxSide}`,
          maxSide,
        })),
      },
      "providers: at most two different values of maxSide",
    ],
  ])("with %s is refused in one readable line", (_name, content, line) => {
    const mistakes = mistakesOf(content);
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toStartWith(line);
    expect(mistakes[0]).not.toContain("sk-");
  });

  test("tells every provider's mistake", () => {
    const providers = [{ model: "m" }, { preset: "anthropic", model: "m" }];
    expect(mistakesOf({ providers }).map((line) => line.split(":")[0])).toEqual([
      "providers.0.baseUrl",
      "providers.1.apiKeyVariable",
    ]);
  });
});
