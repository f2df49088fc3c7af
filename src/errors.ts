/** Every error word that a client can see; documented in docs/errors.md, never renamed. */
export const ERROR_CODES = [
  "malformed_request",
  "validation_failed",
  "unauthorized",
  "not_found",
  "method_not_allowed",
  "payload_too_large",
  "unsupported_image",
  "unsupported_media_type",
  "image_too_many_pixels",
  "corrupt_image",
  "request_timeout",
  "classification_unavailable",
  "database_unavailable",
  "server_overloaded",
  "shutting_down",
  "internal_error",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** One offending field of a request. */
export interface FieldIssue {
  /** Where: `image_hash`, `image_hashes.3`, or empty for the whole body. */
  path: string;
  message: string;
}

export interface AppErrorOptions {
  cause?: unknown;
  fields?: readonly FieldIssue[];
  /** Seconds after which a retry makes sense. */
  retryAfterS?: number;
}

/** What we cannot serve. Knows nothing of HTTP; `detail` is shown to the client. */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly fields: readonly FieldIssue[] | undefined;
  readonly retryAfterS: number | undefined;

  constructor(
    readonly code: ErrorCode,
    readonly detail: string,
    options: AppErrorOptions = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.fields = options.fields;
    this.retryAfterS = options.retryAfterS;
  }
}
