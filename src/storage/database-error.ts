/**
 * Why a database cannot be used. "unreachable": the network or the server is down, or it stayed busy
 * past a deadline; a retry makes sense. "refused": it answered that it will not serve us (wrong
 * password, unknown database, missing right); only an operator can mend that.
 * The message is one readable line and never holds a password.
 */
export class DatabaseError extends Error {
  override readonly name = "DatabaseError";

  constructor(
    readonly kind: "unreachable" | "refused",
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The innermost error: Drizzle wraps a driver's error in one whose message repeats the whole statement. */
export function rootCause(error: unknown): unknown {
  let inner = error;
  while (inner instanceof Error && inner.cause !== undefined) inner = inner.cause;
  return inner;
}

/** Wrong arguments are the caller's fault and say nothing about the database. */
export function isOutage(error: unknown): boolean {
  return !(error instanceof RangeError || error instanceof TypeError);
}
