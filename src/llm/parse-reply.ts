import { z } from "zod";
import type { Profile } from "../classification/profile.ts";
import { type AttemptFailure, createFailure } from "./failure.ts";

/** What a model said about a picture, checked against the profile. */
export interface ParsedReply {
  category: string;
  confidence: number;
  description: string;
}

export type ReplyOutcome =
  { ok: true; value: ParsedReply } | { ok: false; failure: AttemptFailure };

/** Tokens as the provider counted them. */
export interface TokenUsage {
  inputTokens: number;
  outputTokens: number;
}

const MAX_DESCRIPTION_CHARACTERS = 200;
/** Far above any answer. Parsing very deep nonsense takes a third of a second for 200 kB. */
const MAX_CONTENT_CHARACTERS = 16_384;

/** The part of a chat completion that we read; vendors add and leave out much of the rest. */
const completionSchema = z.object({
  choices: z.tuple(
    [
      z.object({
        message: z.object({
          content: z.string().nullish(),
          refusal: z.string().nullish(),
        }),
        finish_reason: z.string().nullish(),
      }),
    ],
    z.unknown(),
  ),
});

/** Keys other than these make a reply malformed: whoever wrote it was not following our schema. */
const answerSchema = z.strictObject({
  category: z.string(),
  confidence: z.number().min(0).max(1),
  description: z.string(),
});

/**
 * Reads a chat completion. `completion`: the decoded body, whatever the provider sent. Fails with
 * `refused` when the model declined, with `malformed_output` for anything else outside the schema.
 */
export function parseReply(completion: unknown, profile: Profile): ReplyOutcome {
  const envelope = completionSchema.safeParse(completion);
  if (!envelope.success) return malformed("the reply is not a chat completion");
  const [{ message, finish_reason }] = envelope.data.choices;
  if (message.refusal) return refused("the model declined");
  if (finish_reason === "content_filter") return refused("the provider's content filter");
  if (!message.content) return malformed("the reply has no content");
  if (message.content.length > MAX_CONTENT_CHARACTERS) return malformed("the answer is too long");

  const answer = parseAnswer(message.content);
  if (answer === null) {
    const isCut = finish_reason === "length";
    return malformed(isCut ? "the answer is cut off" : "the answer is outside the schema");
  }
  if (!profile.categories.some(({ key }) => key === answer.category))
    return malformed("the category is not in the profile");
  return { ok: true, value: { ...answer, description: cleanDescription(answer.description) } };
}

/** Beyond every context window: a count that is nonsense must not become a cost. */
const MAX_TOKENS = 100_000_000;
const tokenCount = z.number().int().min(0).max(MAX_TOKENS);

const usageSchema = z.object({
  usage: z.object({ prompt_tokens: tokenCount, completion_tokens: tokenCount }),
});

/** What a chat completion says it took, also one that is no use as an answer; null where it does not say. */
export function parseUsage(completion: unknown): TokenUsage | null {
  const parsed = usageSchema.safeParse(completion);
  if (!parsed.success) return null;
  const { prompt_tokens, completion_tokens } = parsed.data.usage;
  return { inputTokens: prompt_tokens, outputTokens: completion_tokens };
}

function parseAnswer(content: string): ParsedReply | null {
  try {
    return answerSchema.safeParse(JSON.parse(stripFence(content))).data ?? null;
  } catch {
    return null;
  }
}

/** Some models wrap JSON in a Markdown code block although told not to. */
function stripFence(content: string): string {
  const text = content.trim();
  if (!text.startsWith("```") || !text.endsWith("```")) return text;
  const firstLineEnd = text.indexOf("\n");
  const label = text.slice(3, firstLineEnd).trim().toLowerCase();
  return firstLineEnd > 0 && (label === "" || label === "json")
    ? text.slice(firstLineEnd, -3)
    : text;
}

/**
 * One printable line: no control characters, no text-direction overrides (they could reorder what
 * surrounds the description on a screen), no halves of surrogate pairs.
 */
function cleanDescription(description: string): string {
  const line = description
    .toWellFormed()
    .replace(/[\p{Cc}\u2028\u2029]+/gu, " ")
    .replace(/[\u202a-\u202e\u2066-\u2069]/g, "")
    .trim();
  return Array.from(line).slice(0, MAX_DESCRIPTION_CHARACTERS).join("");
}

function malformed(detail: string): ReplyOutcome {
  return {
    ok: false,
    failure: createFailure("malformed_output", detail, { isTransient: true, charge: "likely" }),
  };
}

function refused(detail: string): ReplyOutcome {
  return { ok: false, failure: createFailure("refused", detail, { charge: "likely" }) };
}
