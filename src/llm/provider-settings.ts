import type { Prices } from "./pricing.ts";
import type { ImageDetail, StructuredOutput } from "./request.ts";

/** All that an operator can say about one provider. */
export interface ProviderSettings {
  /** Recorded with every answer, e.g. `openai`. */
  name: string;
  /** Address of an OpenAI-compatible API, e.g. `https://api.openai.com/v1`. */
  baseUrl: string;
  /** null: no Authorization header is sent (Ollama, vLLM on the own network). */
  apiKey: string | null;
  model: string;
  /** null: not known. */
  prices: Prices | null;
  /** For one attempt; to be shorter than the callers' deadlines. */
  timeoutMs: number;
  /** Attempts after the first. */
  maxRetries: number;
  /** Calls under way at the same time; the rest queue. */
  concurrency: number;
  /** Calls that may wait; further ones fail as `overloaded`. Waiting counts against the deadline. */
  maxQueued: number;
  /** null: no pace is kept. */
  requestsPerMinute: number | null;
  /** null: the vendor's own. */
  temperature: number | null;
  structuredOutput: StructuredOutput;
  /** null: the vendor's own. */
  imageDetail: ImageDetail | null;
  /** Largest side of the pictures it is shown, in pixels. */
  maxSide: number;
}

export const DEFAULT_PROVIDER_SETTINGS = {
  prices: null,
  timeoutMs: 15_000,
  maxRetries: 2,
  concurrency: 64,
  maxQueued: 2_000,
  requestsPerMinute: null,
  temperature: null,
  structuredOutput: "json_schema",
  imageDetail: null,
  maxSide: 1024,
} as const satisfies Partial<ProviderSettings>;
