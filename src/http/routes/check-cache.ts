import { z, type RouteConfig } from "@hono/zod-openapi";
import type { ImageHash } from "../../classification/identity.ts";
import type { LookupAnswer } from "../../classification/lookup.ts";
import type { StoredResult } from "../../classification/result.ts";
import { lookupCacheStatus } from "../cache-status.ts";
import { identifyCaller, type Caller } from "../caller.ts";
import type { HttpDeps } from "../context.ts";
import { respond, type Exchange } from "../exchange.ts";
import { JSON_BODY_CODES, jsonContent, problemResponses, register, type App } from "../register.ts";
import { parseJson, readJson } from "../request-body.ts";
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

/** What apps send today, of whatever spacing: one digest in lower case and nothing else. */
const USUAL_QUESTION =
  /^\{[ \t\r\n]*"image_hash"[ \t\r\n]*:[ \t\r\n]*"([0-9a-f]{64})"[ \t\r\n]*\}$/;

/** The usual question is understood at once; the schema takes several times as long to say the same. */
function parseQuestion(text: string): z.output<typeof requestSchema> {
  const usual = USUAL_QUESTION.exec(text);
  return usual ? { image_hash: usual[1] as ImageHash } : parseJson(text, requestSchema);
}

export type CheckCache = (request: Request, exchange: Exchange) => Promise<Response>;

export function mountCheckCache(app: App, checkCache: CheckCache): void {
  register(app, checkCacheRoute, ({ req, env }) => checkCache(req.raw, env));
}

export function createCheckCache(deps: HttpDeps): CheckCache {
  const { lookup, limits, clientIpHeader } = deps;
  return function checkCache(request, exchange) {
    return readJson(request, parseQuestion, limits.bodyTimeoutMs, (question) => {
      const { image_hash: hash, user_id: bodyUserId } = question;
      const caller = identifyCaller(request, exchange.server, { clientIpHeader, bodyUserId });
      const known = lookup.findForEveryone(hash);
      if (known) return respondWith(known, caller, exchange);
      return lookup.find(hash, caller.id).then((answer) => respondWith(answer, caller, exchange));
    });
  };
}

function respondWith(answer: LookupAnswer, caller: Caller, exchange: Exchange): Response {
  const result = answer.match?.result;
  exchange.logged = logged("check_cache", caller, () =>
    result
      ? { cachedCount: 1, method: "cache", category: result.category, digest: result.digest }
      : {},
  );
  const body = result ? renderHit(result, exchange) : renderMiss(exchange);
  const headers = { "Cache-Status": lookupCacheStatus(answer) };
  return respond(exchange, body, "application/json", { headers });
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
  return `"request_id":"${requestId}","timestamp":"${isoTime(startedAt)}"`;
}

let lastTime = 0;
let lastIsoTime = "";

/** Under load, many requests come in one millisecond. */
function isoTime(time: number): string {
  if (time !== lastTime) {
    lastTime = time;
    lastIsoTime = new Date(time).toISOString();
  }
  return lastIsoTime;
}
