import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { renderEnvExample, renderHelp, renderSettingsTables } from "./cli-help.ts";
import { ConfigError, hasLanguageModel, parseConfig } from "./config.ts";
import { SETTINGS } from "./settings.ts";

const ROOT = join(import.meta.dir, "..");

function mistakesOf(environment: Record<string, string>): readonly string[] {
  try {
    parseConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
  return [];
}

/** The formatter pads cells; what they say is what counts. */
function cellsOf(table: string): string[][] {
  const rows = table.trim().split("\n");
  const cells = rows.map((row) => row.split(/(?<!\\)\|/).map((cell) => cell.trim()));
  return cells.filter((row) => !row.every((cell) => /^-*$/.test(cell)));
}

describe("an empty environment", () => {
  test("gives the embedded shape: SQLite and the local model", () => {
    const config = parseConfig({});
    expect(config).toMatchObject({
      PORT: 8000,
      HOST: "0.0.0.0",
      DATA_DIR: "./data",
      DATABASE_URL: null,
      INFERENCE: "llm-first",
      LLM_API_KEY: null,
      LLM_BASE_URL: null,
      LOCAL_WORKERS: 2,
      ALIAS_QUORUM: 2,
      ALIAS_MAX_DISTANCE: 6,
      CACHE_TTL_DAYS: 0,
      MAX_IMAGE_SIZE_MB: 10,
      CORS_ORIGINS: null,
    });
    expect(hasLanguageModel(config)).toBe(false);
    expect(Object.isFrozen(config)).toBe(true);
  });

  test("means the same as one whose variables are empty or blank", () => {
    const blank = Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, "  "]));
    expect(parseConfig(blank)).toEqual(parseConfig({}));
  });
});

describe("one Redis is named", () => {
  const rest = { UPSTASH_REDIS_REST_URL: "https://x.upstash.io", UPSTASH_REDIS_REST_TOKEN: "t" };

  test("by its address, or by the REST interface and its token", () => {
    expect(mistakesOf({ REDIS_URL: "rediss://:secret@redis:6380/2" })).toEqual([]);
    expect(mistakesOf(rest)).toEqual([]);
  });

  test("not by both, nor by half of one", () => {
    const { UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN } = rest;
    for (const contradiction of [
      { REDIS_URL: "redis://redis:6379", ...rest },
      { UPSTASH_REDIS_REST_URL },
      { UPSTASH_REDIS_REST_TOKEN },
    ]) {
      expect(mistakesOf(contradiction)).toHaveLength(1);
    }
    expect(mistakesOf({ REDIS_URL: "http://user:s3cret@redis" }).join()).not.toContain("s3cret");
  });
});

describe("a value", () => {
  test("is read with its type, surrounding space ignored", () => {
    const config = parseConfig({
      PORT: " 0 ",
      CACHE_TTL_DAYS: "0.5",
      LLM_BASE_URL: "http://localhost:11434/v1",
      DATABASE_URL: "mysql://user:p%40ss@db:3306/onceover",
      DATABASE_REPLICA_URLS: "mysql://u@r1/onceover, mysql://u@r2/onceover",
      CORS_ORIGINS: "https://a.example, http://localhost:5173",
      CLIENT_IP_HEADER: "Fly-Client-IP",
    });
    expect(config).toMatchObject({
      PORT: 0,
      CACHE_TTL_DAYS: 0.5,
      DATABASE_URL: "mysql://user:p%40ss@db:3306/onceover",
      DATABASE_REPLICA_URLS: ["mysql://u@r1/onceover", "mysql://u@r2/onceover"],
      CORS_ORIGINS: ["https://a.example", "http://localhost:5173"],
    });
    expect(hasLanguageModel(config)).toBe(true);
  });

  test.each([
    ["PORT", "65536", "a whole number from 0 to 65535"],
    ["PORT", "80.5", "a whole number from 0 to 65535"],
    ["PORT", "0x50", "a whole number from 0 to 65535"],
    ["PORT", "-1", "a whole number from 0 to 65535"],
    ["ALIAS_QUORUM", "1", "a whole number from 2 to 100"],
    ["MAX_IMAGE_SIZE_MB", "0", "a number from 0.01 to 100"],
    ["CACHE_TTL_DAYS", "1e3", "a number from 0 to 36500"],
    ["INFERENCE", "llm", "llm-first, local-first, llm-only, local-only"],
    ["INFERENCE", "LLM-FIRST", "llm-first, local-first, llm-only, local-only"],
    ["LLM_BASE_URL", "localhost:8080", "an address http://… or https://…"],
    ["LLM_BASE_URL", "ftp://host", "an address http://… or https://…"],
    ["CORS_ORIGINS", "https://a.example/path", "* or origins like https://album.example"],
    ["CORS_ORIGINS", "https://a.example,,", "* or origins like https://album.example"],
    ["CLIENT_IP_HEADER", "X Forwarded", "a header's name"],
    ["LOG_LEVEL", "verbose", "debug, info, warn, error, silent"],
  ])("%s=%s gives one line that says what is allowed", (name, value, allowed) => {
    const mistakes = mistakesOf({ [name]: value });
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toStartWith(`${name}=${JSON.stringify(value)}: must be ${allowed}`);
    expect(mistakes[0]).not.toContain("\n");
  });

  test("that carries a password is never printed", () => {
    const mistakes = mistakesOf({ DATABASE_URL: "postgres://user:hunter2@db/onceover" });
    expect(mistakes).toEqual(["DATABASE_URL=(hidden): must be an address mysql://…"]);
    const [line, ...others] = mistakesOf({
      DATABASE_URL: "mysql://db/onceover",
      DATABASE_REPLICA_URLS: "mysql://user:hunter2@r1/onceover,r2",
    });
    expect(line).toStartWith("DATABASE_REPLICA_URLS=(hidden): must be an address mysql://…");
    expect(others).toEqual([]);
  });
});

test("every mistake is told at once", () => {
  const mistakes = mistakesOf({ PORT: "x", LOCAL_WORKERS: "0", LOG_LEVEL: "loud" });
  expect(mistakes.map((line) => line.split("=")[0])).toEqual([
    "PORT",
    "LOG_LEVEL",
    "LOCAL_WORKERS",
  ]);
});

describe("settings that contradict each other", () => {
  test.each([
    [
      { INFERENCE: "llm-only" },
      /^INFERENCE="llm-only": needs LLM_PRESET, LLM_BASE_URL, LLM_API_KEY or LLM_PROVIDERS_FILE$/,
    ],
    [
      { DATABASE_REPLICA_URLS: "mysql://r1/onceover" },
      /^DATABASE_REPLICA_URLS: needs DATABASE_URL/,
    ],
    [{ LOCAL_MODEL: "album-v1,../secret" }, /^LOCAL_MODEL=".*": must be names/],
    [
      { LOCAL_MODEL: "album-v1,none", LLM_API_KEY: "k" },
      /^LOCAL_MODEL="album-v1,none": none stands alone/,
    ],
    [{ LOCAL_MODEL: "a, b, a" }, /^LOCAL_MODEL="a,b,a": names a model twice/],
    [{ LOCAL_MODEL: "none" }, /^LOCAL_MODEL="none": nothing could classify/],
    [{ LOCAL_MODEL: "none", INFERENCE: "local-only", LLM_API_KEY: "k" }, /^LOCAL_MODEL="none"/],
  ])("%j stop the start", (environment, line) => {
    const mistakes = mistakesOf(environment);
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toMatch(line);
  });

  test("are none where a language model is there", () => {
    expect(mistakesOf({ INFERENCE: "llm-only", LLM_API_KEY: "k" })).toEqual([]);
    expect(mistakesOf({ LOCAL_MODEL: "none", LLM_BASE_URL: "http://llm/v1" })).toEqual([]);
  });
});

describe("what the operator reads", () => {
  test("--help names every setting with its default and what is allowed", () => {
    const help = renderHelp("1.2.3");
    expect(help).toContain("onceover 1.2.3");
    for (const [name, { fallback, allowed }] of Object.entries(SETTINGS)) {
      expect(help).toContain(fallback === null ? `  ${name}\n` : `  ${name} (${fallback})\n`);
      expect(help).toContain(allowed);
    }
  });

  test("the README's tables are those that the settings give", async () => {
    const readme = await Bun.file(join(ROOT, "README.md")).text();
    const [, table = ""] = /<!-- settings:begin -->(.*)<!-- settings:end -->/s.exec(readme) ?? [];
    expect(cellsOf(table)).toEqual(cellsOf(renderSettingsTables()));
  });

  test(".env.example is the one that the settings give, and changes nothing when copied", async () => {
    expect(await Bun.file(join(ROOT, ".env.example")).text()).toBe(renderEnvExample());
    expect(renderEnvExample()).not.toMatch(/^[^#\n]/m);
  });

  test("every default is a value that its own setting allows", () => {
    for (const { schema, fallback } of Object.values(SETTINGS)) {
      if (fallback !== null) expect(schema.safeParse(fallback).success).toBe(true);
    }
  });
});
