import { z } from "@hono/zod-openapi";
import { parseImageHash, type ImageHash } from "../classification/identity.ts";
import type { AnsweredClassification } from "../classification/examination.ts";
import { ERROR_CODES } from "../errors.ts";
import { MAX_USER_ID_LENGTH } from "./caller.ts";

export const EXAMPLE_HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/** 64 hex characters (SHA-256, or the hash that an app claimed), or 16 (our fingerprint). */
export const imageHashSchema = z
  .string()
  .transform((text, context): ImageHash => {
    const hash = parseImageHash(text);
    if (hash) return hash;
    context.addIssue({ code: "custom", message: "must be 64 (or 16) hex characters" });
    return z.NEVER;
  })
  .openapi({
    type: "string",
    pattern: "^([0-9a-fA-F]{64}|[0-9a-fA-F]{16})$",
    example: EXAMPLE_HASH,
    description: "SHA-256 of the original file, or the 16-character fingerprint.",
  });

/**
 * As an upload carries it; empty counts as missing. The example is empty too, or Swagger UI would make
 * a hash up and claim it for the photo that is tried out.
 */
export const claimedHashSchema = imageHashSchema.optional().openapi({
  pattern: "^([0-9a-fA-F]{64}|[0-9a-fA-F]{16})?$",
  example: "",
  description: "SHA-256 of the original file, when the upload is a smaller copy of it.",
});

export const userIdSchema = z.string().max(MAX_USER_ID_LENGTH).optional().openapi({
  description: "Older form of the `X-User-ID` header, which wins.",
  example: "device-7f3a",
});

/** Who asks; documented for all operations that answer callers differently. */
export const callerHeaderSchema = z.object({
  "X-User-ID": z.string().max(MAX_USER_ID_LENGTH).optional().openapi({
    description: "A device or user id. A claimed hash answers the caller who made the claim.",
    example: "device-7f3a",
  }),
});

export const pictureFileSchema = z.file().openapi({ type: "string", format: "binary" });

export const localInferenceSchema = z
  .object({
    model: z.string(),
    version: z.string(),
    probabilities: z.record(z.string(), z.number()),
  })
  .nullable()
  .openapi("LocalInference", {
    description: "What the local model saw, when it was the one to answer.",
    example: null,
  });

export const classificationSchema = z
  .object({
    category: z.string(),
    confidence: z.number().min(0).max(1),
    description: z.string(),
    local_inference_result: localInferenceSchema,
    inference_method: z.enum(["llm", "llm_fallback", "local", "local_fallback"]),
    provider: z.string().nullable(),
    model: z.string(),
    provisional: z.boolean(),
  })
  .openapi("Classification", {
    example: {
      category: "foods",
      confidence: 0.92,
      description: "一碗牛肉面，上面撒着葱花。",
      local_inference_result: null,
      inference_method: "llm",
      provider: "api.openai.com",
      model: "gpt-4o-mini",
      provisional: false,
    },
  });

export const envelopeSchema = {
  request_id: z.string().openapi({ example: "req_1760097600_a3f5d8c2b1e9" }),
  timestamp: z.string().openapi({ example: "2025-10-10T12:00:00.000Z" }),
};

export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    success: z.literal(false),
    error_code: z.enum(ERROR_CODES),
    request_id: z.string(),
  })
  .openapi("Problem", {
    description: "RFC 9457 problem details.",
    example: {
      type: "urn:onceover:error:validation_failed",
      title: "Validation failed",
      status: 422,
      detail: "Not valid: image_hash.",
      errors: [{ path: "image_hash", message: "must be 64 (or 16) hex characters" }],
      success: false,
      error_code: "validation_failed",
      request_id: "req_1760097600_a3f5d8c2b1e9",
    },
  });

/** A classification as clients see it. */
export function toClassificationBody(
  classification: AnsweredClassification,
): z.infer<typeof classificationSchema> {
  const { category, confidence, description, method, provider, model } = classification;
  return {
    category,
    confidence,
    description,
    local_inference_result: classification.localInference,
    inference_method: method,
    provider,
    model,
    provisional: classification.provisional,
  };
}
