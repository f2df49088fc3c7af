import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { AppError, type ErrorCode } from "../errors.ts";
import type { AppEnv, HttpDeps } from "./context.ts";
import { respond, type Exchange } from "./exchange.ts";

/** HTTP status of every error code. */
export const STATUS_OF = {
  malformed_request: 400,
  unauthorized: 401,
  not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  payload_too_large: 413,
  image_too_many_pixels: 413,
  unsupported_media_type: 415,
  unsupported_image: 415,
  corrupt_image: 415,
  validation_failed: 422,
  internal_error: 500,
  classification_unavailable: 503,
  database_unavailable: 503,
  server_overloaded: 503,
  shutting_down: 503,
} as const satisfies Record<ErrorCode, ContentfulStatusCode>;

const TITLES: Record<ErrorCode, string> = {
  malformed_request: "Malformed request",
  unauthorized: "Unauthorized",
  not_found: "Not found",
  method_not_allowed: "Method not allowed",
  request_timeout: "Request timeout",
  payload_too_large: "Payload too large",
  image_too_many_pixels: "Image has too many pixels",
  unsupported_media_type: "Unsupported media type",
  unsupported_image: "Unsupported image format",
  corrupt_image: "Image cannot be decoded",
  validation_failed: "Validation failed",
  internal_error: "Internal error",
  classification_unavailable: "Classification unavailable",
  database_unavailable: "Database unavailable",
  server_overloaded: "Server overloaded",
  shutting_down: "Shutting down",
};

/** An error as RFC 9457 problem details, with the wire contract's extension members. */
export function problemOf(error: AppError, requestId: string) {
  return {
    type: `urn:onceover:error:${error.code}`,
    title: TITLES[error.code],
    status: STATUS_OF[error.code],
    detail: error.detail,
    ...(error.fields && { errors: error.fields }),
    success: false as const,
    error_code: error.code,
    request_id: requestId,
  };
}

/** The one place where errors become responses. What we did not foresee is logged, never shown. */
export function createErrorHandler({ log }: Pick<HttpDeps, "log">) {
  return function handleError(error: Error, context: Pick<Context<AppEnv>, "env">): Response {
    const { requestId } = context.env;
    const known = toAppError(error);
    if (known.code === "internal_error") log.error({ requestId, err: error }, "unexpected error");
    else if (known.cause !== undefined) {
      // Callers who hang up are nothing that an operator could mend.
      const level = STATUS_OF[known.code] < 500 ? "debug" : "warn";
      log[level]({ requestId, err: known.cause }, known.detail);
    }
    return respondWithProblem(context.env, known);
  };
}

export function respondWithProblem(
  exchange: Exchange,
  error: AppError,
  headers: Record<string, string> = {},
): Response {
  const problem = problemOf(error, exchange.requestId);
  const { retryAfterS } = error;
  // RFC 9110, 15.5.9: what still comes of that body would only be waited for again.
  const isLate = error.code === "request_timeout";
  return respond(exchange, JSON.stringify(problem), "application/problem+json", {
    status: problem.status,
    headers: {
      ...headers,
      ...(isLate && { Connection: "close" }),
      // RFC 9110, 11.6.1: a 401 says how to authenticate.
      ...(error.code === "unauthorized" && { "WWW-Authenticate": "Bearer" }),
      ...(retryAfterS !== undefined && { "Retry-After": String(retryAfterS) }),
    },
  });
}

function toAppError(error: Error): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof HTTPException && error.status < 500) {
    const code = error.status === 413 ? "payload_too_large" : "malformed_request";
    return new AppError(code, error.message || TITLES[code]);
  }
  const detail = "Something went wrong on our side. The request id finds it in the log.";
  return new AppError("internal_error", detail, { cause: error });
}
