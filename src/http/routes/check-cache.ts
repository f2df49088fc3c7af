import { z, type RouteConfig } from "@hono/zod-openapi";
import { lookupCacheStatus } from "../cache-status.ts";
import { identifyCaller } from "../caller.ts";
import type { HttpDeps } from "../context.ts";
import { respondJson, type Exchange } from "../exchange.ts";
import { problemResponses, register, type App } from "../register.ts";
import { readJson } from "../request-body.ts";
import {
  classificationSchema,
  envelopeSchema,
  imageHashSchema,
  toClassificationBody,
  userIdSchema,
} from "../schemas.ts";
import { NOTHING_SPENT } from "../spending.ts";

const requestSchema = z
  .object({ image_hash: imageHashSchema, user_id: userIdSchema })
  .openapi("CheckCacheRequest");

const hitSchema = z
  .object({
    success: z.literal(true),
    cached: z.literal(true),
    from_cache: z.literal(true),
    data: classificationSchema,
    ...envelopeSchema,
  })
  .openapi("CacheHit");

const missSchema = z
  .object({
    success: z.literal(true),
    cached: z.literal(false),
    from_cache: z.literal(false),
    data: z.null(),
    message: z.string(),
    ...envelopeSchema,
  })
  .openapi("CacheMiss");

export const checkCacheRoute = {
  method: "post",
  path: "/api/v1/classify/check-cache",
  operationId: "checkCache",
  tags: ["classification"],
  summary: "Ask whether a photo is known",
  description: "To be asked before uploading. A miss is an answer too, not an error.",
  request: {
    body: { required: true, content: { "application/json": { schema: requestSchema } } },
  },
  responses: {
    200: {
      description: "Known (`cached: true`) or not.",
      content: { "application/json": { schema: z.union([hitSchema, missSchema]) } },
    },
    ...problemResponses(
      "malformed_request",
      "request_timeout",
      "payload_too_large",
      "unsupported_media_type",
      "validation_failed",
    ),
  },
} satisfies RouteConfig;

export type CheckCache = (request: Request, exchange: Exchange) => Promise<Response>;

export function mountCheckCache(app: App, checkCache: CheckCache): void {
  register(app, checkCacheRoute, ({ req, env }) => checkCache(req.raw, env));
}

export function createCheckCache(deps: HttpDeps): CheckCache {
  const { lookup, limits, clientIpHeader } = deps;
  return async function checkCache(request, exchange) {
    const body = await readJson(request, requestSchema, limits.bodyTimeoutMs);
    const bodyUserId = body.user_id;
    const caller = identifyCaller(request, exchange.server, { clientIpHeader, bodyUserId });
    const answer =
      lookup.findInMemory(body.image_hash, caller.id) ??
      (await lookup.find(body.image_hash, caller.id));
    const result = answer.match?.result;
    exchange.record = {
      operation: "check_cache",
      userId: caller.userId,
      ip: caller.ip,
      imageCount: 1,
      cachedCount: result ? 1 : 0,
      failedCount: 0,
      method: result ? "cache" : null,
      category: result?.category ?? null,
      digest: result?.digest ?? null,
      ...NOTHING_SPENT,
    };
    const headers = { "Cache-Status": lookupCacheStatus(answer) };
    const envelope = {
      request_id: exchange.requestId,
      timestamp: new Date(exchange.startedAt).toISOString(),
    };
    if (!result) {
      const message = "Not known yet. Please upload the photo.";
      const miss = { success: true, cached: false, data: null, from_cache: false, message };
      return respondJson(exchange, { ...miss, ...envelope }, { headers });
    }
    const hit = { success: true, cached: true, from_cache: true };
    const data = toClassificationBody(result);
    return respondJson(exchange, { ...hit, data, ...envelope }, { headers });
  };
}
