import { z, type RouteConfig } from "@hono/zod-openapi";
import type { StageDurations } from "../../classification/examination.ts";
import type { ImageHash } from "../../classification/identity.ts";
import { AppError } from "../../errors.ts";
import { uploadCacheStatus } from "../cache-status.ts";
import { identifyCaller } from "../caller.ts";
import type { HttpDeps } from "../context.ts";
import { respondJson } from "../exchange.ts";
import type { FormFile } from "../multipart.ts";
import { jsonContent, problemResponses, register, UPLOAD_CODES, type App } from "../register.ts";
import { readBody, readMultipart, validationError, type BodyLimits } from "../request-body.ts";
import { logged } from "../request-log.ts";
import {
  callerHeaderSchema,
  claimedHashSchema,
  classificationSchema,
  envelopeSchema,
  pictureFileSchema,
  toClassificationBody,
} from "../schemas.ts";
import { spendingOf } from "../spending.ts";
import { checkSize, mediaTypeOf, parseClaimedHash, withUpload } from "../uploads.ts";

const responseSchema = z
  .object({
    success: z.literal(true),
    data: classificationSchema,
    from_cache: z.boolean(),
    processing_time_ms: z.number().int(),
    image_digest: z.string().openapi({ description: "SHA-256 of the uploaded bytes." }),
    ...envelopeSchema,
  })
  .openapi("ClassifyResponse");

export const classifyRoute = {
  method: "post",
  path: "/api/v1/classify",
  operationId: "classify",
  tags: ["classification"],
  summary: "Classify one photo",
  description:
    "As `multipart/form-data`, or the picture itself as the body with its hash in `X-Image-Hash`. " +
    "JPEG, PNG, WebP, GIF (first frame), MPO (first picture) or AVIF.",
  request: {
    headers: callerHeaderSchema.extend({ "X-Image-Hash": claimedHashSchema }),
    body: {
      required: true,
      content: {
        "multipart/form-data": {
          schema: z.object({ image: pictureFileSchema, image_hash: claimedHashSchema }),
        },
        "image/*": { schema: pictureFileSchema },
      },
    },
  },
  responses: {
    200: jsonContent("The photo's category, from a cache or from a model.", responseSchema),
    ...problemResponses(
      ...UPLOAD_CODES,
      "image_too_many_pixels",
      "unsupported_image",
      "corrupt_image",
      "classification_unavailable",
    ),
  },
} satisfies RouteConfig;

interface SingleUpload {
  file: FormFile;
  claimedHash: ImageHash | null;
  bodyUserId: string | undefined;
}

export function mountClassify(app: App, deps: HttpDeps): void {
  const { classifyUpload, clock, limits, clientIpHeader } = deps;
  register(app, classifyRoute, ({ req: { raw: request }, env: exchange }) => {
    return withUpload(request, deps, 1, async (bodyLimits) => {
      const { file, claimedHash, bodyUserId } = await readSingleUpload(request, bodyLimits);
      checkSize(file, limits.maxImageBytes, "image");
      const caller = identifyCaller(request, exchange.server, { clientIpHeader, bodyUserId });
      exchange.logged = logged("classify", caller, () => ({ failedCount: 1 }));
      const answer = await classifyUpload({ bytes: file.bytes, claimedHash, caller: caller.id });
      const { classification, digest } = answer;
      const fromCache = answer.source !== "model";
      exchange.logged = logged("classify", caller, () => ({
        cachedCount: fromCache ? 1 : 0,
        method: fromCache ? "cache" : classification.method,
        category: classification.category,
        digest,
        ...spendingOf([answer]),
      }));
      return respondJson(
        exchange,
        {
          success: true,
          data: toClassificationBody(classification),
          from_cache: fromCache,
          processing_time_ms: clock() - exchange.startedAt,
          image_digest: digest,
          request_id: exchange.requestId,
          timestamp: new Date(clock()).toISOString(),
        } satisfies z.infer<typeof responseSchema>,
        {
          headers: { "Cache-Status": uploadCacheStatus(answer) },
          timing: stageTiming(answer.durations),
        },
      );
    });
  });
}

async function readSingleUpload(request: Request, bodyLimits: BodyLimits): Promise<SingleUpload> {
  const mediaType = mediaTypeOf(request);
  if (mediaType.startsWith("image/")) {
    const claimedHash = parseClaimedHash(request.headers.get("x-image-hash"), "X-Image-Hash");
    const bytes = await readBody(request, bodyLimits);
    return { file: { filename: null, bytes }, claimedHash, bodyUserId: undefined };
  }
  if (mediaType !== "multipart/form-data") {
    throw new AppError("unsupported_media_type", "Send multipart/form-data, or an image/* body.");
  }
  const form = await readMultipart(request, bodyLimits);
  const [image] = form.get("image") ?? [];
  if (image === undefined || typeof image === "string") {
    throw validationError([{ path: "image", message: "must be a file" }]);
  }
  const [userId] = form.get("user_id") ?? [];
  return {
    file: image,
    claimedHash: parseClaimedHash(form.get("image_hash")?.[0], "image_hash"),
    bodyUserId: typeof userId === "string" ? userId : undefined,
  };
}

/** The stages of a classification for `Server-Timing`, in milliseconds. */
function stageTiming(durations: StageDurations): string {
  return Object.entries(durations)
    .map(([stage, ms]) => `${stage};dur=${ms}`)
    .join(", ");
}
