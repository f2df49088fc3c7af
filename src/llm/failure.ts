import { isTaskCancelledError } from "cockatiel";
import { APIConnectionError, APIConnectionTimeoutError, APIError, APIUserAbortError } from "openai";
import type { LanguageModelFailure } from "../classification/ports/language-model.ts";
import { ReplyTooLargeError } from "./bounded-fetch.ts";

/** What went wrong in one attempt, and what may follow from it. */
export interface AttemptFailure {
  reason: LanguageModelFailure;
  /** For the log: no key, no request, at most 200 characters of the provider's own words. */
  detail: string;
  /** Whether the same request may succeed later. */
  isTransient: boolean;
  /** How long the provider asked us to wait, in milliseconds. */
  retryAfterMs: number | null;
  /** Whether it speaks against the provider as a whole, not against this one picture. */
  breaks: boolean;
  /** Whether it may be on the bill: `unsent` never reached the provider, errors are free, the rest may cost. */
  charge: "unsent" | "free" | "likely";
}

const MAX_MESSAGE_CHARACTERS = 200;
/** Error codes of a content filter that come with status 400 (OpenAI and Azure; DashScope). */
const FILTER_CODES = new Set([
  "content_filter",
  "content_policy_violation",
  "data_inspection_failed",
  "DataInspectionFailed",
]);
/** Status 429 with this code means an empty account: waiting does not help (OpenAI error codes guide). */
const NO_QUOTA_CODE = "insufficient_quota";
/** Error codes of a connection that never came about. */
const NEVER_SENT_CODES = new Set([
  "ConnectionRefused",
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "FailedToOpenSocket",
]);

export function createFailure(
  reason: LanguageModelFailure,
  detail: string,
  traits: Partial<Pick<AttemptFailure, "isTransient" | "retryAfterMs" | "breaks" | "charge">> = {},
): AttemptFailure {
  const calm = { isTransient: false, retryAfterMs: null, breaks: false, charge: "free" } as const;
  return { reason, detail, ...calm, ...traits };
}

/** What reading an error needs to know. */
export interface FailureContext {
  /** Milliseconds since the epoch, for a Retry-After that is a date. */
  now: number;
  /** Blotted out of the provider's words. */
  apiKey: string | null;
}

/**
 * Turns what the openai SDK, cockatiel or the network threw into a value. Rethrows what none of them
 * throws: that is a bug of ours.
 */
export function toFailure(error: unknown, context: FailureContext): AttemptFailure {
  if (isTaskCancelledError(error) || error instanceof APIUserAbortError)
    return createFailure("timeout", "no answer in time", { breaks: true, charge: "likely" });
  if (error instanceof APIConnectionTimeoutError)
    return createFailure("timeout", "the connection timed out", {
      isTransient: true,
      breaks: true,
      charge: "likely",
    });
  if (error instanceof APIConnectionError) return fromConnectionError(error);
  if (error instanceof APIError) return fromStatus(error, context);
  if (error instanceof SyntaxError)
    return createFailure("malformed_output", "the reply is not JSON", {
      isTransient: true,
      charge: "likely",
    });
  throw error;
}

function fromConnectionError({ cause }: APIConnectionError): AttemptFailure {
  if (cause instanceof ReplyTooLargeError)
    return createFailure("malformed_output", cause.message, {
      isTransient: true,
      charge: "likely",
    });
  const code = (cause as { code?: unknown } | undefined)?.code;
  const detail = typeof code === "string" ? `connection failed: ${code}` : "connection failed";
  const charge = NEVER_SENT_CODES.has(String(code)) ? "unsent" : "likely";
  return createFailure("unreachable", detail, { isTransient: true, breaks: true, charge });
}

function fromStatus(error: APIError, { now, apiKey }: FailureContext): AttemptFailure {
  const status = error.status as number | undefined;
  const retryAfterMs = parseRetryAfter(error.headers, now);
  // The words of a 401 quote parts of the key, so they are left out.
  if (status === 401 || status === 403)
    return createFailure("unauthorized", `HTTP ${status}`, { breaks: true });
  const detail = `HTTP ${status}${describe(error, apiKey)}`;
  if (status === 408)
    return createFailure("timeout", detail, { isTransient: true, retryAfterMs, breaks: true });
  if (status === 429) {
    const isTransient = error.code !== NO_QUOTA_CODE;
    return createFailure("rate_limited", detail, { isTransient, retryAfterMs, breaks: true });
  }
  if (status === undefined || status >= 500)
    return createFailure("server_error", detail, { isTransient: true, retryAfterMs, breaks: true });
  if (status === 400 && FILTER_CODES.has(error.code ?? "")) return createFailure("refused", detail);
  // A 404 names a wrong model or address, which no other picture will cure.
  return createFailure("rejected", detail, { breaks: status === 404 });
}

function describe(error: APIError, apiKey: string | null): string {
  const message = (error.error as { message?: unknown } | undefined)?.message;
  if (typeof message !== "string") return "";
  // Before the cut, which could leave a part of the key that no longer looks like it.
  const blotted = apiKey === null ? message : message.replaceAll(apiKey, "***");
  const clean = blotted.replace(/\p{Cc}+/gu, " ");
  return `: ${clean.slice(0, MAX_MESSAGE_CHARACTERS)}`;
}

/** Reads `retry-after-ms` (OpenAI, Azure), else `Retry-After`: seconds or a date, RFC 9110, 10.2.3. */
export function parseRetryAfter(headers: Headers | undefined, now: number): number | null {
  const milliseconds = headers?.get("retry-after-ms");
  if (milliseconds && Number(milliseconds) >= 0) return Number(milliseconds);
  const value = headers?.get("retry-after")?.trim();
  if (!value) return null;
  if (/^\d+(?:\.\d+)?$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}
