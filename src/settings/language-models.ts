import { PRESET_NAMES } from "../llm/presets.ts";
import { address, decimal, flag, integer, oneOf, secret, text } from "./setting-kinds.ts";

/** The language models, where LLM_PROVIDERS_FILE lists none. */
export const LANGUAGE_MODEL_SETTINGS = {
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
};
