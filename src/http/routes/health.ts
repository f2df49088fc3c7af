import { z, type RouteConfig } from "@hono/zod-openapi";
import type { HttpDeps } from "../context.ts";
import { respondJson } from "../exchange.ts";
import { jsonContent, problemResponses, register, type App } from "../register.ts";

const responseSchema = z
  .object({
    status: z.enum(["healthy", "unhealthy"]),
    timestamp: z.string(),
    database: z.enum(["connected", "disconnected"]),
    redis: z
      .enum(["connected", "disconnected", "not_configured"])
      .openapi({ description: "Without it answers are slower, not wrong." }),
    model_api: z.enum(["available", "degraded", "not_configured"]),
    version: z.string(),
    details: z.object({
      store: z.enum(["sqlite", "mysql"]),
      replicas: z
        .object({ configured: z.number().int(), usable: z.number().int() })
        .nullable()
        .openapi({ description: "Read replicas; those that fail or lag are not used." }),
      inference: z.string(),
      profile: z.string(),
      language_model: z.object({
        configured: z.boolean(),
        available: z.boolean(),
        model: z.string().nullable(),
      }),
      language_models: z
        .array(
          z.object({
            name: z.string(),
            model: z.string(),
            circuit: z.enum(["closed", "open", "half_open"]),
            reason: z.string().nullable(),
            since: z.string(),
          }),
        )
        .openapi({ description: "Every provider, and why its circuit breaker is open." }),
      local_model: z.object({ name: z.string().nullable(), available: z.boolean() }),
      budget: z
        .object({
          day: z.string(),
          calls: z.number().int(),
          calls_limit: z.number().int().nullable(),
          cost: z.number(),
          cost_limit: z.number().nullable(),
          exhausted: z.boolean(),
        })
        .nullable()
        .openapi({ description: "Today's spending on language models, over all processes." }),
      journal_entries: z.number().int(),
      upgrades_waiting: z.number().int(),
    }),
  })
  .openapi("Health");

export const healthRoute = {
  method: "get",
  path: "/api/v1/health",
  operationId: "health",
  tags: ["operation"],
  summary: "Whether photos can be classified and answers kept",
  description:
    "`model_api` is `available` while a language model answers, `degraded` while only the local " +
    "model can, `not_configured` where neither can. Always 200; for load balancers use `/readyz`.",
  responses: {
    200: jsonContent("The state of this server.", responseSchema),
    ...problemResponses(),
  },
} satisfies RouteConfig;

export function mountHealth(app: App, { health, version, clock }: HttpDeps): void {
  register(app, healthRoute, async ({ env: exchange }) => {
    const report = await health();
    const timestamp = new Date(clock()).toISOString();
    const body: z.infer<typeof responseSchema> = { ...report, timestamp, version };
    return respondJson(exchange, body);
  });
}
