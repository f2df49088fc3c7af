import OpenAI from "openai";
import type { Fetch } from "./bounded-fetch.ts";

export interface ClientOptions {
  baseUrl: string;
  apiKey: string | null;
  /** Of one attempt, in milliseconds. */
  timeoutMs: number;
  fetch: Fetch;
}

/** Longer timers fire at once: setTimeout takes 31 bits. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** The openai SDK without retries and logging. Every option is set: it reads unset ones from the environment. */
export function createClient({ baseUrl, apiKey, timeoutMs, fetch }: ClientOptions): OpenAI {
  return new OpenAI({
    baseURL: baseUrl,
    // The SDK insists on a key; a null header takes it out again.
    apiKey: apiKey ?? "none",
    defaultHeaders: {
      // Replies are short, and a compressed one could unfold past every bound in one chunk.
      "accept-encoding": "identity",
      ...(apiKey === null ? { authorization: null } : {}),
    },
    organization: null,
    project: null,
    adminAPIKey: null,
    webhookSecret: null,
    logLevel: "off",
    fetch,
    // Retries and timeouts are ours; the SDK's timer only stays behind because it cannot be turned off.
    maxRetries: 0,
    timeout: Math.min(timeoutMs * 2, MAX_TIMER_MS),
  });
}
