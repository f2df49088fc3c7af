import type OpenAI from "openai";
import { type Profile, renderPrompt } from "../classification/profile.ts";

/**
 * How the vendor is asked for JSON: by a strict schema, by JSON mode, or in words alone. Which vendor
 * understands which: docs/llm.md.
 */
export type StructuredOutput = "json_schema" | "json_object" | "prompt";

type ChatRequest = OpenAI.Chat.ChatCompletionCreateParamsNonStreaming;

/** How closely the vendor looks at a picture, where it knows `image_url.detail`. */
export type ImageDetail = "low" | "high" | "auto";

export interface RequestBuilderOptions {
  model: string;
  structuredOutput: StructuredOutput;
  /** null: left to the vendor. */
  temperature: number | null;
  /** null: left to the vendor. */
  imageDetail: ImageDetail | null;
}

/** Builds the request that classifies a JPEG. */
export type BuildRequest = (jpeg: Uint8Array, profile: Profile) => ChatRequest;

/** The parts that depend on the profile alone are made once per profile. */
export function createRequestBuilder(options: RequestBuilderOptions): BuildRequest {
  const fixedParts = new WeakMap<Profile, ChatRequest>();
  const { imageDetail: detail } = options;

  return function buildRequest(jpeg, profile) {
    let fixed = fixedParts.get(profile);
    if (fixed === undefined) fixedParts.set(profile, (fixed = createFixedParts(profile, options)));
    const url = `data:image/jpeg;base64,${jpeg.toBase64()}`;
    return {
      ...fixed,
      messages: [
        ...fixed.messages,
        {
          role: "user",
          content: [
            { type: "image_url", image_url: detail === null ? { url } : { url, detail } },
            { type: "text", text: "Classify this picture." },
          ],
        },
      ],
    };
  };
}

function createFixedParts(profile: Profile, options: RequestBuilderOptions): ChatRequest {
  const keys = profile.categories.map(({ key }) => key);
  const content = `${renderPrompt(profile)}\n\n${describeReply(keys)}`;
  const request: ChatRequest = {
    model: options.model,
    messages: [{ role: "system", content }],
  };
  const { structuredOutput, temperature } = options;
  if (temperature !== null) request.temperature = temperature;
  if (structuredOutput === "json_object") request.response_format = { type: "json_object" };
  if (structuredOutput === "json_schema") {
    request.response_format = {
      type: "json_schema",
      json_schema: { name: "classification", strict: true, schema: createReplySchema(keys) },
    };
  }
  return request;
}

/**
 * Sent in every mode: some vendors ignore `response_format` silently, and DashScope's JSON mode
 * demands the word JSON in the messages.
 */
function describeReply(keys: readonly string[]): string {
  return (
    "Reply with nothing but one JSON object with exactly these fields: " +
    `"description" (string), "category" (one of ${keys.map((key) => `"${key}"`).join(", ")}), ` +
    '"confidence" (number from 0 to 1).'
  );
}

/**
 * The description comes first because a model chooses better after it has said what it sees. Bounds
 * of numbers and lengths are left out: several vendors refuse schemas that have them.
 */
function createReplySchema(keys: readonly string[]): Record<string, unknown> {
  return {
    type: "object",
    properties: {
      description: { type: "string" },
      category: { type: "string", enum: keys },
      confidence: { type: "number" },
    },
    required: ["description", "category", "confidence"],
    additionalProperties: false,
  };
}
