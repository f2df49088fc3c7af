import { z, type RouteConfig } from "@hono/zod-openapi";
import type { StoredResult } from "../../classification/result.ts";
import { lookupCacheStatus } from "../cache-status.ts";
import { identifyCaller } from "../caller.ts";
import type { HttpDeps } from "../context.ts";
import { respond, type Exchange } from "../exchange.ts";
import { JSON_BODY_CODES, jsonContent, problemResponses, register, type App } from "../register.ts";
import { readJson } from "../request-body.ts";
import { logged } from "../request-log.ts";
import {
  callerHeaderSchema,
  classificationSchema,
  envelopeSchema,
  imageHashSchema,
  toClassificationBody,
  userIdSchema,
} from "../schemas.ts";

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
    headers: callerHeaderSchema,
    body: { required: true, content: { "application/json": { schema: requestSchema } } },
  },
  responses: {
    200: jsonContent("Known (`cached: true`) or not.", z.union([hitSchema, missSchema])),
    ...problemResponses(...JSON_BODY_CODES),
  },
} satisfies RouteConfig;

export type CheckCache = (request: Request, exchange: Exchange) => Promise<Response>;

export function mountCheckCache(app: App, checkCache: CheckCache): void {
  register(app, checkCacheRoute, ({ req, env }) => checkCache(req.raw, env));
}

export function createCheckCache(deps: HttpDeps): CheckCache {
  const { lookup, limits, clientIpHeader } = deps;
  return async function checkCache(request, exchange) {
    const question = await readJson(request, requestSchema, limits.bodyTimeoutMs);
    const { image_hash: hash, user_id: bodyUserId } = question;
    const caller = identifyCaller(request, exchange.server, { clientIpHeader, bodyUserId });
    const answer = lookup.findForEveryone(hash) ?? (await lookup.find(hash, caller.id));
    const result = answer.match?.result;
    exchange.logged = logged("check_cache", caller, () =>
      result
        ? { cachedCount: 1, method: "cache", category: result.category, digest: result.digest }
        : {},
    );
    const body = result ? renderHit(result, exchange) : renderMiss(exchange);
    const headers = { "Cache-Status": lookupCacheStatus(answer) };
    return respond(exchange, body, "application/json", { headers });
  };
}

/** Of results in memory; each is asked for again and again, and says the same every time. */
const renderedData = new WeakMap<StoredResult, string>();

/** By hand, as no part of the envelope needs escaping: a third of the time of serializing it all. */
function renderHit(result: StoredResult, exchange: Exchange): string {
  let data = renderedData.get(result);
  if (data === undefined) {
    data = JSON.stringify(toClassificationBody(result) satisfies z.infer<typeof hitSchema>["data"]);
    renderedData.set(result, data);
  }
  return `{"success":true,"cached":true,"from_cache":true,"data":${data},${renderEnvelope(exchange)}}`;
}

function renderMiss(exchange: Exchange): string {
  return (
    '{"success":true,"cached":false,"from_cache":false,"data":null,' +
    `"message":"Not known yet. Please upload the photo.",${renderEnvelope(exchange)}}`
  );
}

/** Request ids are letters, digits and `._:-`. */
function renderEnvelope({ requestId, startedAt }: Exchange): string {
  return `"request_id":"${requestId}","timestamp":"${new Date(startedAt).toISOString()}"`;
}
