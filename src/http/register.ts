import { createRoute, type OpenAPIHono, type RouteConfig } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { z } from "zod";
import type { ErrorCode } from "../errors.ts";
import type { AppEnv } from "./context.ts";
import { STATUS_OF } from "./errors.ts";
import { problemSchema } from "./schemas.ts";

export type App = OpenAPIHono<AppEnv>;

/**
 * Documents a route and mounts its handler. The handler checks its own input: zod-openapi's automatic
 * validator answers before our limits on bodies could, and costs more than the hot path allows.
 */
export function register(
  app: App,
  route: RouteConfig,
  handler: (context: Context<AppEnv>) => Promise<Response> | Response,
): void {
  const documented = createRoute(route);
  app.openAPIRegistry.registerPath(documented);
  app.on(route.method.toUpperCase(), documented.getRoutingPath(), handler);
}

/** The documentation of a JSON answer. */
export function jsonContent<Schema extends z.ZodType>(description: string, schema: Schema) {
  return { description, content: { "application/json": { schema } } };
}

/** What a JSON body can be refused for. */
export const JSON_BODY_CODES = [
  "malformed_request",
  "request_timeout",
  "payload_too_large",
  "unsupported_media_type",
  "validation_failed",
] as const satisfies readonly ErrorCode[];

/** What an upload can be refused for before anybody looks at its pictures. */
export const UPLOAD_CODES = [...JSON_BODY_CODES, "server_overloaded"] as const;

/** The documentation of error responses, one per status that the codes have. */
export function problemResponses(...codes: ErrorCode[]): RouteConfig["responses"] {
  const byStatus = Map.groupBy([...codes, "internal_error" as const], (code) => STATUS_OF[code]);
  return Object.fromEntries(
    [...byStatus].map(([status, sameStatus]) => [
      String(status),
      {
        description: sameStatus.map((code) => `\`${code}\``).join(", "),
        content: { "application/problem+json": { schema: problemSchema } },
      },
    ]),
  );
}
