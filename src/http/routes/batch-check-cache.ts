import { z, type RouteConfig } from "@hono/zod-openapi";
import { identifyCaller } from "../caller.ts";
import type { HttpDeps } from "../context.ts";
import { respondJson } from "../exchange.ts";
import { JSON_BODY_CODES, jsonContent, problemResponses, register, type App } from "../register.ts";
import { parseJson, readJson } from "../request-body.ts";
import { logged } from "../request-log.ts";
import {
  callerHeaderSchema,
  classificationSchema,
  envelopeSchema,
  EXAMPLE_HASH,
  imageHashSchema,
  toClassificationBody,
  userIdSchema,
} from "../schemas.ts";

const MAX_HASHES = 100;

const requestSchema = z
  .object({
    image_hashes: z.array(imageHashSchema).min(1).max(MAX_HASHES),
    user_id: userIdSchema,
  })
  .openapi("BatchCheckCacheRequest", { example: { image_hashes: [EXAMPLE_HASH] } });

const responseSchema = z
  .object({
    success: z.literal(true),
    total: z.number().int(),
    cached_count: z.number().int(),
    items: z.array(
      z.object({
        image_hash: z.string(),
        cached: z.boolean(),
        data: classificationSchema.nullable(),
      }),
    ),
    ...envelopeSchema,
  })
  .openapi("BatchCheckCacheResponse");

export const batchCheckCacheRoute = {
  method: "post",
  path: "/api/v1/classify/batch-check-cache",
  operationId: "batchCheckCache",
  tags: ["classification"],
  summary: "Ask which of up to 100 photos are known",
  description: "Answered in the order asked, duplicates included.",
  request: {
    headers: callerHeaderSchema,
    body: { required: true, content: { "application/json": { schema: requestSchema } } },
  },
  responses: {
    200: jsonContent("One item per hash.", responseSchema),
    ...problemResponses(...JSON_BODY_CODES),
  },
} satisfies RouteConfig;

const parseQuestion = (text: string) => parseJson(text, requestSchema);

export function mountBatchCheckCache(app: App, deps: HttpDeps): void {
  const { lookup, limits, clientIpHeader } = deps;
  register(app, batchCheckCacheRoute, ({ req: { raw: request }, env: exchange }) =>
    readJson(request, parseQuestion, limits.bodyTimeoutMs, async (body) => {
      const bodyUserId = body.user_id;
      const caller = identifyCaller(request, exchange.server, { clientIpHeader, bodyUserId });
      const hashes = body.image_hashes;
      const answers = await lookup.findMany(hashes, caller.id);
      const items = answers.map(({ match }, index) => ({
        image_hash: hashes[index]!,
        cached: match !== null,
        data: match && toClassificationBody(match.result),
      }));
      const cachedCount = items.filter(({ cached }) => cached).length;
      exchange.logged = logged("batch_check_cache", caller, () => ({
        imageCount: items.length,
        cachedCount,
      }));
      return respondJson(exchange, {
        success: true,
        total: items.length,
        cached_count: cachedCount,
        items,
        request_id: exchange.requestId,
        timestamp: new Date(exchange.startedAt).toISOString(),
      } satisfies z.infer<typeof responseSchema>);
    }),
  );
}
