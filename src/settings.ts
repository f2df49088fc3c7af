import { INFERENCE_MODES } from "./classification/classify-by-mode.ts";
import { PRESET_NAMES } from "./llm/presets.ts";
import {
  address,
  addresses,
  decimal,
  flag,
  integer,
  integerOr,
  list,
  oneOf,
  secret,
  text,
  timeZone,
  type Setting,
} from "./setting-kinds.ts";

/**
 * Every setting there is, by the name of its environment variable. The parser, `--help`, the README's
 * table and `.env.example` all come from here.
 */
export const SETTINGS = {
  PORT: integer(0, 65_535, {
    fallback: "8000",
    about: "TCP port to listen on; 0 picks a free one.",
  }),
  HOST: text({ fallback: "0.0.0.0", about: "Address to listen on." }, "a host name or address"),
  WORKERS: integerOr("auto", 1, 256, {
    fallback: "1",
    about:
      "Server processes on that port, restarted when they crash and replaced one by one at SIGHUP (docs/processes.md). `auto`: one per core.",
  }),
  DATA_DIR: text({
    fallback: "./data",
    about:
      "Folder for the SQLite file, the journal of results not yet in the database and pictures that wait for a better answer.",
  }),
  DATABASE_URL: address(
    ["mysql"],
    {
      about:
        "MySQL 8 or MariaDB 10.11: `mysql://user:password@host:3306/name`. Empty: SQLite in `DATA_DIR`.",
    },
    true,
  ),
  DATABASE_REPLICA_URLS: addresses(
    ["mysql"],
    {
      about:
        "Read replicas of that database; those that answer and are up to date take lookups off it (docs/deploy.md).",
    },
    true,
  ),
  DATABASE_POOL_SIZE: integer(1, 500, {
    fallback: "10",
    about: "MySQL connections of one process, to the database and to each replica.",
  }),
  DATABASE_ACQUIRE_TIMEOUT_MS: integer(10, 60_000, {
    fallback: "1000",
    about: "Longest wait for a free MySQL connection, in milliseconds.",
  }),
  DATABASE_STATEMENT_TIMEOUT_MS: integer(10, 600_000, {
    fallback: "2000",
    about: "Longest time for one MySQL statement, in milliseconds.",
  }),
  REDIS_URL: address(
    ["redis", "rediss"],
    {
      about:
        "Redis that instances share: `redis://user:password@host:6379/0`, `rediss://` with TLS. Empty: none.",
    },
    true,
  ),
  UPSTASH_REDIS_REST_URL: address(["https", "http"], {
    about: "In its place: a Redis of Upstash, by its REST interface.",
  }),
  UPSTASH_REDIS_REST_TOKEN: secret({ about: "Token of that interface." }),
  REDIS_TIMEOUT_MS: integer(10, 10_000, {
    fallback: "250",
    about: "Longest wait for Redis before a request goes on without it, in milliseconds.",
  }),
  REDIS_KEY_PREFIX: text(
    {
      fallback: "onceover",
      about:
        "What all keys in Redis begin with. Services with databases of their own need different ones.",
    },
    "up to 64 letters, digits and . _ : -",
    /^[\w.:-]{1,64}$/,
  ),
  INFERENCE: oneOf(INFERENCE_MODES, {
    fallback: "llm-first",
    about: "Which model is asked first, and whether the other may answer when it can't.",
  }),
  LLM_PROVIDERS_FILE: text({
    about: "JSON file with a list of language-model providers, asked in its order (docs/llm.md).",
  }),
  LLM_PRESET: oneOf(PRESET_NAMES, {
    about: "Vendor of the language model: brings its address and what it understands.",
  }),
  LLM_BASE_URL: address(["http", "https"], {
    about:
      "OpenAI-compatible endpoint, for vendors without a preset or with an address of your own.",
  }),
  LLM_API_KEY: secret({
    about:
      "Key for that endpoint; alone, it means OpenAI. With no preset, address or key, only the local model answers.",
  }),
  LLM_MODEL: text(
    { about: "Name of a model that sees pictures. Default for OpenAI: `gpt-4o-mini`." },
    "a name of at most 128 characters",
    /^.{1,128}$/,
  ),
  LLM_INPUT_PRICE: decimal(0, 100_000, {
    about:
      "Price of a million input tokens, in any unit of money; a picture's tokens are among them.",
  }),
  LLM_OUTPUT_PRICE: decimal(0, 100_000, { about: "Price of a million output tokens." }),
  LLM_FALLBACK_PRESET: oneOf(PRESET_NAMES, {
    about: "Vendor of a second language model, asked when the first has no answer.",
  }),
  LLM_FALLBACK_BASE_URL: address(["http", "https"], { about: "Its endpoint." }),
  LLM_FALLBACK_API_KEY: secret({ about: "Its key." }),
  LLM_FALLBACK_MODEL: text(
    { about: "Its model; all other settings are those of the first." },
    "a name of at most 128 characters",
    /^.{1,128}$/,
  ),
  LLM_FALLBACK_INPUT_PRICE: decimal(0, 100_000, {
    about: "Price of a million of its input tokens.",
  }),
  LLM_FALLBACK_OUTPUT_PRICE: decimal(0, 100_000, {
    about: "Price of a million of its output tokens.",
  }),
  LLM_HEDGE: flag({
    fallback: "false",
    about:
      "Whether the next language model is asked as well when one is slower than 95 % of its calls; may cost two calls.",
  }),
  LLM_STRUCTURED_OUTPUT: oneOf(["json_schema", "json_object", "prompt"], {
    about:
      "How the model is made to answer in JSON; weaker vendors need `json_object` or `prompt`. Default: the preset's, else `json_schema`.",
  }),
  LLM_TEMPERATURE: decimal(0, 2, {
    about: "Sampling temperature. Empty: not sent, since some models refuse it.",
  }),
  LLM_IMAGE_DETAIL: oneOf(["low", "high", "auto"], {
    about: "How closely the vendor looks, where it knows `detail`. Empty: not sent.",
  }),
  LLM_IMAGE_SIDE: integer(128, 4_096, {
    fallback: "1024",
    about: "Largest side of the picture that is sent, in pixels.",
  }),
  LLM_TIMEOUT_MS: integer(100, 120_000, {
    fallback: "15000",
    about: "Longest time for one language-model call, in milliseconds.",
  }),
  LLM_MAX_RETRIES: integer(0, 5, {
    fallback: "2",
    about: "Further tries after a failure that may pass.",
  }),
  LLM_CONCURRENCY: integer(1, 256, {
    fallback: "64",
    about: "Language-model calls in flight at once; more wait their turn.",
  }),
  LLM_MAX_QUEUED: integer(0, 100_000, {
    fallback: "2000",
    about: "Calls that may wait; beyond, the local model answers.",
  }),
  LLM_REQUESTS_PER_MINUTE: integer(0, 100_000, {
    fallback: "0",
    about: "Calls that this process makes within any minute, at most. 0: no limit.",
  }),
  COST_PER_API_CALL: decimal(0, 1_000, {
    fallback: "0.001",
    about: "What one language-model call costs where prices or token counts are not known.",
  }),
  LLM_DAILY_BUDGET: decimal(0, 1_000_000_000, {
    fallback: "0",
    about:
      "What language models may cost a day, over all processes of a database, in the unit of the prices; beyond, the local model answers. 0: no limit.",
  }),
  LLM_DAILY_CALLS: integer(0, 1_000_000_000, {
    fallback: "0",
    about: "How many calls they may get a day, retries included. 0: no limit.",
  }),
  BUDGET_TIME_ZONE: timeZone({
    fallback: "UTC",
    about: "Where the midnight is at which both begin anew.",
  }),
  UPGRADES_PER_MINUTE: integer(1, 6_000, {
    fallback: "120",
    about:
      "Stopgap answers of the local model that a language model replaces in the background, at most, over all processes of a database.",
  }),
  UPGRADE_QUEUE_MB: integer(1, 65_536, {
    fallback: "256",
    about: "Pictures kept on disk for that, in MiB, at most; each for at most an hour.",
  }),
  LOCAL_MODEL: list(
    {
      fallback: "album-v1",
      about:
        "Local model: the name of a manifest in `MODELS_DIR` or in `models` of `DATA_DIR`; the answers of several are averaged (docs/local-models.md).",
    },
    "names, separated by commas, or none",
    /^\w[\w.-]*$/,
  ),
  MODELS_DIR: text({ fallback: "./models", about: "Folder of local models and their manifests." }),
  LOCAL_WORKERS: integer(1, 64, {
    fallback: "2",
    about: "Worker threads of the local model; each keeps a core busy, decoding included.",
  }),
  LOCAL_MAX_QUEUED: integer(0, 100_000, {
    fallback: "2000",
    about: "Pictures that may wait for a worker; beyond, they are refused.",
  }),
  LOCAL_TIMEOUT_MS: integer(100, 60_000, {
    fallback: "5000",
    about: "Longest time for one picture in a worker, in milliseconds.",
  }),
  PROFILE_FILE: text({
    about: "JSON file with categories, prompt and language of your own (docs/profiles.md).",
  }),
  ALIAS_TRUST: oneOf(["corroborated", "shared", "verified"], {
    fallback: "corroborated",
    about:
      "Whom a claimed hash answers: everyone once callers agree, everyone at once, or nobody (only true digests).",
  }),
  ALIAS_QUORUM: integer(2, 100, {
    fallback: "2",
    about: "Different callers that must agree before a claimed hash answers everyone.",
  }),
  ALIAS_MAX_DISTANCE: integer(0, 32, {
    fallback: "6",
    about: "Bits of 64 in which the difference hashes of two pictures that look alike may differ.",
  }),
  CACHE_TTL_DAYS: decimal(0, 36_500, {
    fallback: "0",
    about: "Days that a result is kept; 0: for good.",
  }),
  MEMORY_CACHE_ENTRIES: integer(1, 10_000_000, {
    fallback: "50000",
    about: "Results kept in memory, at most.",
  }),
  MEMORY_CACHE_MB: integer(1, 65_536, {
    fallback: "64",
    about: "Memory for them, in MiB, at most.",
  }),
  MAX_IMAGE_SIZE_MB: decimal(0.01, 100, {
    fallback: "10",
    about: "Largest upload of one picture, in MiB.",
  }),
  MAX_IMAGE_MEGAPIXELS: integer(1, 1_000, {
    fallback: "64",
    about: "Largest picture that is decoded, in megapixels.",
  }),
  MAX_UPLOAD_MEMORY_MB: integer(16, 65_536, {
    fallback: "1024",
    about: "Uploads held in memory at once, in MiB; more are asked to come back later.",
  }),
  REQUEST_DEADLINE_MS: integer(1_000, 240_000, {
    fallback: "25000",
    about: "Longest time for a classification, in milliseconds; apps give up after 30 s.",
  }),
  SHUTDOWN_DEADLINE_MS: integer(100, 600_000, {
    fallback: "25000",
    about: "Longest time for an orderly stop, in milliseconds.",
  }),
  ADMIN_TOKEN: secret(
    {
      about:
        "Token for the administration endpoints. Empty: one is made at the first start and printed once; its hash stays in `DATA_DIR`.",
    },
    "at least 16 letters, digits or other visible characters",
    /^[!-~]{16,}$/,
  ),
  CORS_ORIGINS: list(
    { about: "Web origins that may call the API, separated by commas, or `*`. Empty: none." },
    "* or origins like https://album.example, separated by commas",
    /^(\*|https?:\/\/[^/\s,]+)$/,
  ),
  CLIENT_IP_HEADER: text(
    {
      about:
        "Header in which your own proxy says who asks: `X-Forwarded-For` (its last entry counts), `Fly-Client-IP` … Empty: the connection's address.",
    },
    "a header's name",
    /^[A-Za-z0-9-]+$/,
  ),
  LOG_LEVEL: oneOf(["debug", "info", "warn", "error", "silent"], {
    fallback: "info",
    about: "Least serious log line that is written.",
  }),
  LOG_RETENTION_DAYS: integer(1, 3_650, {
    fallback: "30",
    about: "Days that the request log is kept.",
  }),
} as const satisfies Record<string, Setting<unknown>>;

export type SettingName = keyof typeof SETTINGS;
