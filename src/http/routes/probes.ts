import { z, type RouteConfig } from "@hono/zod-openapi";
import { AppError } from "../../errors.ts";
import type { HttpDeps } from "../context.ts";
import { respond, respondJson } from "../exchange.ts";
import { jsonContent, problemResponses, register, type App } from "../register.ts";

const alive = { 200: jsonContent("Yes.", z.object({ status: z.literal("ok") })) };

export const livenessRoute = {
  method: "get",
  path: "/livez",
  operationId: "liveness",
  tags: ["operation"],
  summary: "Whether the process answers",
  responses: { ...alive, ...problemResponses() },
} satisfies RouteConfig;

export const readinessRoute = {
  method: "get",
  path: "/readyz",
  operationId: "readiness",
  tags: ["operation"],
  summary: "Whether requests should be sent here; no while the server is stopping",
  responses: { ...alive, ...problemResponses("shutting_down") },
} satisfies RouteConfig;

export const metricsRoute = {
  method: "get",
  path: "/metrics",
  operationId: "metrics",
  tags: ["operation"],
  summary: "Metrics in the Prometheus text format, of all workers on the port",
  responses: {
    200: { description: "All metrics.", content: { "text/plain": { schema: z.string() } } },
    ...problemResponses(),
  },
} satisfies RouteConfig;

/** Of Prometheus' text exposition format. */
const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export function mountProbes(app: App, { isReady, exposeMetrics }: HttpDeps): void {
  register(app, livenessRoute, ({ env }) => respondJson(env, { status: "ok" }));
  register(app, readinessRoute, ({ env }) => {
    if (isReady()) return respondJson(env, { status: "ok" });
    throw new AppError("shutting_down", "The server is stopping.");
  });
  register(app, metricsRoute, async ({ env }) => {
    return respond(env, await exposeMetrics(), METRICS_TYPE);
  });
}
