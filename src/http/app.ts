import { OpenAPIHono } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { getPath } from "hono/utils/url";
import { AppError } from "../errors.ts";
import { describeAdministrator } from "./administrator.ts";
import type { AppEnv, HttpDeps } from "./context.ts";
import { createErrorHandler, respondWithProblem } from "./errors.ts";
import {
  commonHeaders,
  elapsedMs,
  openExchange,
  type ConnectionInfo,
  type Exchange,
} from "./exchange.ts";
import type { App } from "./register.ts";
import { mountBatchCheckCache } from "./routes/batch-check-cache.ts";
import { mountBatchClassify } from "./routes/batch-classify.ts";
import {
  checkCacheRoute,
  createCheckCache,
  mountCheckCache,
  type CheckCache,
} from "./routes/check-cache.ts";
import { mountClassify } from "./routes/classify.ts";
import { mountDocs } from "./routes/docs.ts";
import { mountHealth } from "./routes/health.ts";
import { mountProbes } from "./routes/probes.ts";
import { mountPurgePhoto } from "./routes/purge-photo.ts";

/** Answers one request; never rejects. `server` tells the client's address. */
export type HandleRequest = (request: Request, server?: ConnectionInfo) => Promise<Response>;

/**
 * The whole HTTP interface, apart from the listener: opens the exchange, lets the routes answer, then
 * measures it and writes its line in the request log.
 */
export function createHttpHandler(deps: HttpDeps): HandleRequest {
  const { clock, isReady, metrics, recorder } = deps;
  const checkCache = createCheckCache(deps);
  const app = createRoutes(deps, checkCache);
  const handleError = createErrorHandler(deps);

  /**
   * By Hono, but for check-cache, which apps ask for every photo and which takes hardly longer than
   * Hono does to find it.
   */
  function route(request: Request, exchange: Exchange): Promise<Response> {
    if (deps.corsOrigins === null && isCheckCache(request)) return checkCache(request, exchange);
    return Promise.resolve(app.fetch(request, exchange));
  }

  function finish(exchange: Exchange, response: Response): Response {
    // A stopping server closes its connections; a client that knows does not send into the void.
    if (!isReady()) response.headers.set("Connection", "close");
    const { logged, requestId, startedAt: at } = exchange;
    const durationMs = elapsedMs(exchange);
    const { status } = response;
    metrics.requestHandled(logged?.operation ?? "other", status, durationMs);
    if (logged) {
      const { operation } = logged;
      recorder.recordRequest(() => ({
        ...logged.describe(),
        operation,
        requestId,
        at,
        status,
        durationMs,
      }));
    }
    return response;
  }

  return function handleRequest(request, server) {
    const exchange = openExchange(request, server, clock());
    return route(request, exchange).then(
      (response) => finish(exchange, response),
      (error: Error) => finish(exchange, handleError(error, { env: exchange })),
    );
  };
}

/** Whether the request is surely for check-cache. With a query it is too, but that is left to Hono. */
function isCheckCache({ method, url }: Request): boolean {
  const { path } = checkCacheRoute;
  return (
    method === "POST" &&
    url.endsWith(path) &&
    url.indexOf("/", AFTER_SCHEME) === url.length - path.length
  );
}

/** Where the host of a URL begins at the earliest, after `http://`. */
const AFTER_SCHEME = 7;

/** Without a Host header, as in HTTP/1.0 and the checks of load balancers, Bun's URL is the bare path. */
function pathOf(request: Request): string {
  const { url } = request;
  return url.startsWith("/") ? url.replace(/\?.*$/s, "") : getPath(request);
}

function createRoutes(deps: HttpDeps, checkCache: CheckCache): App {
  const app = new OpenAPIHono<AppEnv>({ getPath: pathOf });
  app.onError(createErrorHandler(deps));
  if (deps.corsOrigins) app.use(allowOrigins(deps.corsOrigins));

  mountCheckCache(app, checkCache);
  mountBatchCheckCache(app, deps);
  mountClassify(app, deps);
  mountBatchClassify(app, deps);
  mountHealth(app, deps);
  mountProbes(app, deps);
  describeAdministrator(app);
  mountPurgePhoto(app, deps);
  mountDocs(app, deps);

  const methodsOf = Map.groupBy(
    app.routes.filter(({ method }) => method !== "ALL"),
    ({ path }) => path,
  );
  app.notFound(({ req: { method, path }, env }) => {
    const known = [...methodsOf]
      .filter(([pattern]) => matchesPath(pattern, path))
      .flatMap(([, routes]) => routes.map((route) => route.method));
    if (known.length === 0) {
      return respondWithProblem(env, new AppError("not_found", `There is nothing at ${path}.`));
    }
    const allowed = [...new Set(known), ...(known.includes("GET") ? ["HEAD"] : [])].join(", ");
    const detail = `${method} is not possible here; ${allowed} is.`;
    return respondWithProblem(env, new AppError("method_not_allowed", detail), { Allow: allowed });
  });
  return app;
}

/** Whether a path is one of a route's, whose parameters are written `:name`. */
function matchesPath(pattern: string, path: string): boolean {
  const wanted = pattern.split("/");
  const given = path.split("/");
  return (
    wanted.length === given.length &&
    wanted.every((part, index) => (part.startsWith(":") ? given[index] : part === given[index]))
  );
}

/** Preflights end here; they carry what every response of ours does. */
function allowOrigins(origins: readonly string[]): MiddlewareHandler<AppEnv> {
  const answer = cors({
    origin: origins.includes("*") ? "*" : [...origins],
    allowMethods: ["GET", "POST"],
    allowHeaders: ["Content-Type", "X-User-ID", "X-Image-Hash", "X-Request-ID"],
    exposeHeaders: ["X-Request-ID", "Cache-Status", "Server-Timing", "Retry-After"],
    maxAge: 86_400,
  });
  return async function allowOrigins(context, next) {
    const preflight = await answer(context, next);
    if (!preflight) return;
    for (const [name, value] of Object.entries(commonHeaders(context.env))) {
      preflight.headers.set(name, value);
    }
    return preflight;
  };
}
