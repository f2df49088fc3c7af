import { z, type RouteConfig } from "@hono/zod-openapi";
import type { ImageHash } from "../../classification/identity.ts";
import type { UploadAnswer } from "../../classification/classify-upload.ts";
import { AppError, ERROR_CODES } from "../../errors.ts";
import { identifyCaller, type Caller } from "../caller.ts";
import type { HttpDeps } from "../context.ts";
import { respondJson } from "../exchange.ts";
import type { Form, FormFile, FormValue } from "../multipart.ts";
import { jsonContent, problemResponses, register, UPLOAD_CODES, type App } from "../register.ts";
import { readMultipart, validationError } from "../request-body.ts";
import { logged } from "../request-log.ts";
import {
  callerHeaderSchema,
  classificationSchema,
  envelopeSchema,
  pictureFileSchema,
  toClassificationBody,
} from "../schemas.ts";
import { spendingOf } from "../spending.ts";
import { checkSize, mediaTypeOf, parseClaimedHash, withUpload } from "../uploads.ts";

const MAX_IMAGES = 20;

const itemSchema = z
  .object({
    index: z.number().int(),
    filename: z.string().nullable(),
    success: z.boolean(),
    data: classificationSchema.nullable(),
    error: z.string().nullable(),
    error_code: z.enum(ERROR_CODES).nullable(),
    from_cache: z.boolean(),
    processing_time_ms: z.number().int(),
  })
  .openapi("BatchClassifyItem");

const responseSchema = z
  .object({
    success: z.literal(true),
    total: z.number().int(),
    success_count: z.number().int(),
    fail_count: z.number().int(),
    items: z.array(itemSchema),
    warnings: z.array(z.string()).optional(),
    total_processing_time_ms: z.number().int(),
    ...envelopeSchema,
  })
  .openapi("BatchClassifyResponse");

export const batchClassifyRoute = {
  method: "post",
  path: "/api/v1/classify/batch",
  operationId: "batchClassify",
  tags: ["classification"],
  summary: "Classify up to 20 photos",
  description:
    "One bad file fails alone. `image_hashes` must have one entry per file (null or empty for none); " +
    "an array of another length is ignored with a warning.",
  request: {
    headers: callerHeaderSchema,
    body: {
      required: true,
      content: {
        "multipart/form-data": {
          schema: z.object({
            images: z.array(pictureFileSchema).min(1).max(MAX_IMAGES),
            image_hashes: z.string().optional().openapi({ description: "A JSON array of hashes." }),
          }),
        },
      },
    },
  },
  responses: {
    200: jsonContent("One item per file, in the order sent.", responseSchema),
    ...problemResponses(...UPLOAD_CODES),
  },
} satisfies RouteConfig;

export function mountBatchClassify(app: App, deps: HttpDeps): void {
  const { clock, clientIpHeader } = deps;
  register(app, batchClassifyRoute, ({ req: { raw: request }, env: exchange }) => {
    if (mediaTypeOf(request) !== "multipart/form-data") {
      throw new AppError("unsupported_media_type", "Send multipart/form-data.");
    }
    return withUpload(request, deps, MAX_IMAGES, async (bodyLimits) => {
      const form = await readMultipart(request, bodyLimits);
      const files = readFiles(form);
      const { hashes, warnings } = readHashes(form.get("image_hashes")?.[0], files.length);
      const [userId] = form.get("user_id") ?? [];
      const bodyUserId = typeof userId === "string" ? userId : undefined;
      const caller = identifyCaller(request, exchange.server, { clientIpHeader, bodyUserId });
      const answers: UploadAnswer[] = [];
      const items = await Promise.all(
        files.map((file, index) =>
          classifyItem({ file, index, hash: hashes[index]!, caller }, answers, deps),
        ),
      );
      const failCount = items.filter(({ success }) => !success).length;
      exchange.logged = logged("batch_classify", caller, () => ({
        imageCount: items.length,
        cachedCount: items.filter((item) => item.from_cache).length,
        failedCount: failCount,
        ...spendingOf(answers),
      }));
      return respondJson(exchange, {
        success: true,
        total: items.length,
        success_count: items.length - failCount,
        fail_count: failCount,
        items,
        ...(warnings.length > 0 && { warnings }),
        request_id: exchange.requestId,
        total_processing_time_ms: clock() - exchange.startedAt,
        timestamp: new Date(clock()).toISOString(),
      } satisfies z.infer<typeof responseSchema>);
    });
  });
}

function readFiles(form: Form): FormFile[] {
  const entries = form.get("images") ?? [];
  const files = entries.filter((entry) => typeof entry !== "string");
  if (files.length === entries.length && files.length >= 1 && files.length <= MAX_IMAGES) {
    return files;
  }
  throw validationError([{ path: "images", message: `must be 1 to ${MAX_IMAGES} files` }]);
}

/** A shorter array leaves open which file lacks its hash: better none than a wrong one. */
function readHashes(
  value: FormValue | undefined,
  count: number,
): { hashes: (ImageHash | null)[]; warnings: string[] } {
  const none = Array<null>(count).fill(null);
  if (value === undefined || value === "") return { hashes: none, warnings: [] };
  let array: unknown;
  try {
    array = typeof value === "string" ? JSON.parse(value) : null;
  } catch {
    array = null;
  }
  if (!Array.isArray(array)) {
    throw validationError([{ path: "image_hashes", message: "must be a JSON array" }]);
  }
  if (array.length !== count) {
    const warning = `image_hashes was ignored: it has ${array.length} entries for ${count} images.`;
    return { hashes: none, warnings: [warning] };
  }
  const hashes = array.map((hash, index) => parseClaimedHash(hash, `image_hashes.${index}`));
  return { hashes, warnings: [] };
}

interface BatchItem {
  file: FormFile;
  index: number;
  hash: ImageHash | null;
  caller: Caller;
}

/** Adds to `answers` what the photo was answered with. */
async function classifyItem(
  { file, index, hash, caller }: BatchItem,
  answers: UploadAnswer[],
  { classifyUpload, clock, limits, log }: HttpDeps,
): Promise<z.infer<typeof itemSchema>> {
  const startedAt = clock();
  const facts = () => ({
    index,
    filename: file.filename,
    processing_time_ms: clock() - startedAt,
  });
  try {
    checkSize(file, limits.maxImageBytes, `images.${index}`);
    const upload = { bytes: file.bytes, claimedHash: hash, caller: caller.id };
    const answer = await classifyUpload(upload);
    answers.push(answer);
    const data = toClassificationBody(answer.classification);
    const from_cache = answer.source !== "model";
    return { ...facts(), success: true, data, error: null, error_code: null, from_cache };
  } catch (error) {
    if (!(error instanceof AppError)) log.error({ err: error }, "unexpected error in a batch");
    const known =
      error instanceof AppError ? error : new AppError("internal_error", "Something went wrong.");
    const failure = { error: known.detail, error_code: known.code };
    return { ...facts(), success: false, data: null, ...failure, from_cache: false };
  }
}
