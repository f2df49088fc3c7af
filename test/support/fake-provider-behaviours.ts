/** What the fake provider does with one request. Built by the functions of `behaviours`. */
export type Behaviour =
  | {
      kind: "reply";
      status: number;
      body: string;
      headers: Record<string, string>;
      delayMs: number;
    }
  | { kind: "hang" }
  | { kind: "cut"; sentBytes: number }
  | { kind: "flood"; totalBytes: number }
  | { kind: "drip"; body: string; intervalMs: number };

export interface AnswerFields {
  category: string;
  confidence: number;
  description: string;
}

export interface CompletionFields {
  content?: string | null;
  refusal?: string | null;
  finishReason?: string;
  promptTokens?: number;
  completionTokens?: number;
}

const GOOD_ANSWER: AnswerFields = {
  category: "foods",
  confidence: 0.92,
  description: "A bowl of noodles on a wooden table",
};
const JSON_HEADERS = { "content-type": "application/json" };

/** JSON of a chat completion, https://platform.openai.com/docs/api-reference/chat/object */
export function completionBody(fields: CompletionFields = {}): string {
  const { promptTokens = 850, completionTokens = 40 } = fields;
  return JSON.stringify({
    id: "chatcmpl-fake",
    object: "chat.completion",
    created: 1_760_097_600,
    model: "fake-vision",
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          content: fields.content === undefined ? JSON.stringify(GOOD_ANSWER) : fields.content,
          refusal: fields.refusal ?? null,
        },
        finish_reason: fields.finishReason ?? "stop",
      },
    ],
    usage: {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
    },
  });
}

function reply(status: number, body: string, headers = {}, delayMs = 0): Behaviour {
  return { kind: "reply", status, body, headers: { ...JSON_HEADERS, ...headers }, delayMs };
}

/** Everything a provider can do to us, well or badly. */
export const behaviours = {
  answer: (fields: Partial<AnswerFields> = {}, usage: CompletionFields = {}): Behaviour =>
    reply(
      200,
      completionBody({ ...usage, content: JSON.stringify({ ...GOOD_ANSWER, ...fields }) }),
    ),
  slow: (delayMs: number, fields: Partial<AnswerFields> = {}): Behaviour =>
    reply(
      200,
      completionBody({ content: JSON.stringify({ ...GOOD_ANSWER, ...fields }) }),
      {},
      delayMs,
    ),
  hang: (): Behaviour => ({ kind: "hang" }),
  /** An error with OpenAI's error object. `retryAfter`: seconds or an HTTP date. */
  status: (
    status: number,
    options: { retryAfter?: string; message?: string; code?: string } = {},
  ) =>
    reply(
      status,
      JSON.stringify({
        error: { message: options.message ?? `fake ${status}`, code: options.code ?? null },
      }),
      options.retryAfter === undefined ? {} : { "retry-after": options.retryAfter },
    ),
  redirect: (location: string): Behaviour => reply(307, "", { location }),
  cutBeforeAnswer: (): Behaviour => ({ kind: "cut", sentBytes: 0 }),
  cutMidBody: (): Behaviour => ({ kind: "cut", sentBytes: 40 }),
  /** The model's words, whatever they are: nonsense, another schema, a fenced block. */
  content: (content: string | null, finishReason = "stop"): Behaviour =>
    reply(200, completionBody({ content, finishReason })),
  fenced: (fields: Partial<AnswerFields> = {}): Behaviour =>
    reply(
      200,
      completionBody({
        content: `\`\`\`json\n${JSON.stringify({ ...GOOD_ANSWER, ...fields })}\n\`\`\``,
      }),
    ),
  refusal: (refusal = "I can't help with that."): Behaviour =>
    reply(200, completionBody({ content: null, refusal })),
  /** The HTTP body itself: invalid JSON, no choices, an HTML page. */
  body: (body: string, contentType = "application/json"): Behaviour =>
    reply(200, body, { "content-type": contentType }),
  emptyChoices: (): Behaviour =>
    reply(200, JSON.stringify({ id: "x", object: "chat.completion", choices: [] })),
  /** Well-formed JSON, just without an end in sight; produced chunk by chunk as the client reads. */
  flood: (totalBytes = 10_000_000): Behaviour => ({ kind: "flood", totalBytes }),
  /** A right answer, one byte at a time. */
  drip: (intervalMs = 5): Behaviour => ({ kind: "drip", body: completionBody(), intervalMs }),
} as const;
