import type { RouteConfig } from "@hono/zod-openapi";
import type { Context } from "hono";
import { AppError, type ErrorCode } from "../errors.ts";
import type { AppEnv, HttpDeps } from "./context.ts";
import { register, type App } from "./register.ts";

const SCHEME = "administrator";

/** To be spread into the route of an operation for administrators. */
export const FOR_ADMINISTRATORS = { security: [{ [SCHEME]: [] }] } satisfies Partial<RouteConfig>;

/** What it can be refused for before its handler runs. */
export const ADMINISTRATOR_CODES = ["unauthorized"] as const satisfies readonly ErrorCode[];

/** Documents how administrators say who they are, for the whole description. */
export function describeAdministrator(app: App): void {
  app.openAPIRegistry.registerComponent("securitySchemes", SCHEME, {
    type: "http",
    scheme: "bearer",
    description: "The administrator's token: `ADMIN_TOKEN`, or the one printed at the first start.",
  });
}

/** Like `register`, but the handler runs only for who knows the administrator's token. */
export function registerForAdministrators(
  app: App,
  deps: Pick<HttpDeps, "isAdminToken" | "log">,
  route: RouteConfig & typeof FOR_ADMINISTRATORS,
  handler: (context: Context<AppEnv>) => Promise<Response> | Response,
): void {
  register(app, route, (context) => {
    requireAdministrator(context, deps);
    return handler(context);
  });
}

/** RFC 6750, 2.1; the scheme's name is not case-sensitive (RFC 9110, 11.1). */
const BEARER = /^bearer +(\S+)$/i;

function requireAdministrator(
  { req, env }: Context<AppEnv>,
  { isAdminToken, log }: Pick<HttpDeps, "isAdminToken" | "log">,
): void {
  const authorization = req.header("authorization");
  const [, token] = BEARER.exec(authorization ?? "") ?? [];
  if (token !== undefined && isAdminToken(token)) return;
  const { requestId } = env;
  const reason = authorization === undefined ? "no token" : "wrong token";
  log.warn({ requestId, path: req.path, reason }, "administration refused");
  throw new AppError("unauthorized", "This needs the administrator's token.");
}
