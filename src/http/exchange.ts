import type { RequestRecord } from "../classification/ports/recorder.ts";

/** The part of Bun's server that a request handler may use. */
export interface ConnectionInfo {
  requestIP(request: Request): { address: string } | null;
}

/** One request and its answer, from the listener's point of view. */
export interface Exchange {
  readonly requestId: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** On the monotonic clock, in milliseconds. */
  readonly startedTick: number;
  readonly server: ConnectionInfo | undefined;
  /** Set by an operation that belongs in the request log. */
  logged: LoggedOperation | null;
}

export interface LoggedOperation {
  operation: RequestRecord["operation"];
  /** Called before the response is sent, if the line is written at all. */
  describe(): RequestSummary;
}

/** What an operation adds to its line in the request log. */
export type RequestSummary = Omit<
  RequestRecord,
  "operation" | "requestId" | "at" | "status" | "durationMs"
>;

const WELL_FORMED_ID = /^[A-Za-z0-9._:-]{1,128}$/;

export function openExchange(
  request: Request,
  server: ConnectionInfo | undefined,
  now: number,
): Exchange {
  const given = request.headers.get("x-request-id");
  return {
    requestId: given !== null && WELL_FORMED_ID.test(given) ? given : makeRequestId(now),
    startedAt: now,
    startedTick: performance.now(),
    server,
    logged: null,
  };
}

/** `req_<unix seconds>_<12 hex>` */
function makeRequestId(now: number): string {
  return `req_${Math.floor(now / 1000)}_${crypto.randomUUID().slice(-12)}`;
}

export function elapsedMs({ startedTick }: Exchange): number {
  return performance.now() - startedTick;
}

interface ResponseOptions {
  status?: number;
  headers?: Record<string, string>;
  /** Stages to name in `Server-Timing` before the total, e.g. `model;dur=12`. */
  timing?: string;
}

/**
 * Makes a response with the headers that every response carries. They go in when it is made: setting
 * them on a finished Response costs more than all the rest of a cache hit.
 */
export function respond(
  exchange: Exchange,
  body: BodyInit | null,
  contentType: string,
  { status = 200, headers, timing }: ResponseOptions = {},
): Response {
  const all = commonHeaders(exchange, timing);
  all["Content-Type"] = contentType;
  for (const name in headers) all[name] = headers[name]!;
  return new Response(body, { status, headers: all });
}

/** What every response carries. `timing`: stages to name in `Server-Timing` before the total. */
export function commonHeaders(exchange: Exchange, timing?: string): Record<string, string> {
  const total = `total;dur=${Math.round(elapsedMs(exchange) * 100) / 100}`;
  return {
    "X-Request-ID": exchange.requestId,
    "Server-Timing": timing ? `${timing}, ${total}` : total,
    "Cache-Control": "no-store",
  };
}

export function respondJson(
  exchange: Exchange,
  body: unknown,
  options?: ResponseOptions,
): Response {
  return respond(exchange, JSON.stringify(body), "application/json", options);
}
