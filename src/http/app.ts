import { OpenAPIHono } from "@hono/zod-openapi";
import { cors } from "hono/cors";
import { AppError } from "../errors.ts";
import type { AppEnv, HttpDeps } from "./context.ts";
import { createErrorHandler, respondWithProblem } from "./errors.ts";
import { elapsedMs, openExchange, type ConnectionInfo } from "./exchange.ts";
import type { App } from "./register.ts";
import { mountBatchCheckCache } from "./routes/batch-check-cache.ts";
import { mountBatchClassify } from "./routes/batch-classify.ts";
import { mountCheckCache } from "./routes/check-cache.ts";
import { mountClassify } from "./routes/classify.ts";
import { mountDocs } from "./routes/docs.ts";
import { mountHealth } from "./routes/health.ts";
import { mountProbes } from "./routes/probes.ts";

/** Answers one request; never rejects. `server` tells the client's address. */
export type HandleRequest = (request: Request, server?: ConnectionInfo) => Promise<Response>;

/**
 * The whole HTTP interface, apart from the listener: opens the exchange, lets the routes answer, then
 * measures it and writes its line in the request log.
 */
export function createHttpHandler(deps: HttpDeps): HandleRequest {
  const { clock, isReady, metrics, recorder } = deps;
  const app = createRoutes(deps);
  return async function handleRequest(request, server) {
    const exchange = openExchange(request, server, clock());
    const response = await app.fetch(request, exchange);
    // A stopping server closes its connections; a client that knows does not send into the void.
    if (!isReady()) response.headers.set("Connection", "close");
    const { record, requestId, startedAt } = exchange;
    const durationMs = elapsedMs(exchange);
    const { status } = response;
    metrics.requestHandled(record?.operation ?? "other", status, durationMs);
    if (record) recorder.recordRequest({ ...record, requestId, at: startedAt, status, durationMs });
    return response;
  };
}

/** Without middleware Hono calls a route's handler directly, which the hot path needs. */
function createRoutes(deps: HttpDeps): App {
  const app = new OpenAPIHono<AppEnv>();
  app.onError(createErrorHandler(deps));
  if (deps.corsOrigins) app.use(allowOrigins(deps.corsOrigins));

  mountCheckCache(app, deps);
  mountBatchCheckCache(app, deps);
  mountClassify(app, deps);
  mountBatchClassify(app, deps);
  mountHealth(app, deps);
  mountProbes(app, deps);
  mountDocs(app, deps);

  const methodsOf = Map.groupBy(
    app.routes.filter(({ method }) => method !== "ALL"),
    ({ path }) => path,
  );
  app.notFound(({ req: { method, path }, env }) => {
    const known = methodsOf.get(path)?.map((route) => route.method);
    if (!known) {
      return respondWithProblem(env, new AppError("not_found", `There is nothing at ${path}.`));
    }
    const allowed = [...new Set(known), ...(known.includes("GET") ? ["HEAD"] : [])].join(", ");
    const detail = `${method} is not possible here; ${allowed} is.`;
    return respondWithProblem(env, new AppError("method_not_allowed", detail), { Allow: allowed });
  });
  return app;
}

function allowOrigins(origins: readonly string[]) {
  return cors({
    origin: origins.includes("*") ? "*" : [...origins],
    allowMethods: ["GET", "POST"],
    allowHeaders: ["Content-Type", "X-User-ID", "X-Image-Hash", "X-Request-ID"],
    exposeHeaders: ["X-Request-ID", "Cache-Status", "Server-Timing", "Retry-After"],
    maxAge: 86_400,
  });
}
