import { expect } from "bun:test";
import type { RouteConfig, z } from "@hono/zod-openapi";
import { STATUS_OF } from "../../src/http/errors.ts";
import { batchCheckCacheRoute } from "../../src/http/routes/batch-check-cache.ts";
import { batchClassifyRoute } from "../../src/http/routes/batch-classify.ts";
import { checkCacheRoute } from "../../src/http/routes/check-cache.ts";
import { classifyRoute } from "../../src/http/routes/classify.ts";
import { healthRoute } from "../../src/http/routes/health.ts";
import { livenessRoute, metricsRoute, readinessRoute } from "../../src/http/routes/probes.ts";
import { purgePhotoRoute } from "../../src/http/routes/purge-photo.ts";
import { problemSchema } from "../../src/http/schemas.ts";

export const ROUTES: readonly RouteConfig[] = [
  checkCacheRoute,
  batchCheckCacheRoute,
  classifyRoute,
  batchClassifyRoute,
  healthRoute,
  livenessRoute,
  readinessRoute,
  metricsRoute,
  purgePhotoRoute,
];

/** A path whose parameters are written `{name}`. */
function patternOf({ path }: RouteConfig): RegExp {
  return new RegExp(`^${path.replaceAll(/\{\w+\}/g, "[^/]+")}$`);
}

interface Documented {
  description: string;
  content?: Record<string, { schema: z.ZodType }>;
}

/**
 * Holds a response to its route: a documented status, a body of the documented type that the schema
 * accepts with nothing left over, the headers that every response carries. Leaves the body unread.
 */
export async function checkResponse(method: string, path: string, response: Response) {
  const { headers, status } = response;
  expect(headers.get("x-request-id")).toMatch(/^[A-Za-z0-9._:-]{1,128}$/);
  expect(headers.get("server-timing")).toMatch(/(^|, )total;dur=\d+(\.\d+)?$/);
  expect(headers.get("cache-control")).not.toBeNull();
  if (method === "HEAD" || status === 204) return;

  const mediaType = headers.get("content-type")?.split(";")[0] ?? "";
  const route = ROUTES.find(
    (known) => known.method.toUpperCase() === method && patternOf(known).test(path),
  );
  const documented = route?.responses[status] as Documented | undefined;
  if (route && !documented)
    throw new Error(`${method} ${path}: status ${status} is not documented`);
  if (!route && status < 400) return;
  const schema = route ? documented?.content?.[mediaType]?.schema : problemSchema;
  if (!schema) throw new Error(`${method} ${path}: ${mediaType} is not documented for ${status}`);
  if (!/[/+]json$/.test(mediaType)) {
    expect(status).toBeLessThan(400);
    return;
  }
  const body = (await response.clone().json()) as Record<string, unknown>;
  expect(schema.parse(body)).toEqual(body);
  if ("request_id" in body) expect(body["request_id"]).toBe(headers.get("x-request-id"));
  if (status < 400) return;
  checkProblem(mediaType, status, body);
  if (documented) expect(documented.description).toContain(`\`${body["error_code"]}\``);
}

/** RFC 9457, and nothing of our inner life. */
function checkProblem(mediaType: string, status: number, body: Record<string, unknown>) {
  expect(mediaType).toBe("application/problem+json");
  const problem = problemSchema.parse(body);
  expect(problem.status).toBe(status);
  expect<number>(STATUS_OF[problem.error_code]).toBe(status);
  expect(JSON.stringify(body)).not.toMatch(/node_modules|\/src\/|\\n +at /);
}
