import type { Config } from "./config.ts";
import type { HandleRequest } from "./http/app.ts";
import { untilAborted } from "./lifecycle.ts";

/** The address cannot be listened on; the message says which and why. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

/**
 * How long a stopping server goes on answering, with `Connection: close`, so that clients and load
 * balancers leave by themselves: a request that meets the end of its connection in mid-air is lost.
 */
const NOTICE_MS = 500;
/**
 * The same where another process already serves in this one's place, and nobody waits for the end:
 * long enough for clients that pause between requests.
 */
export const REPLACED_NOTICE_MS = 5_000;

/** Starts to listen; throws a ListenError. `sharesPort`: other processes listen on it as well. */
export function listen(
  config: Config,
  handleRequest: HandleRequest,
  { sharesPort = false }: { sharesPort?: boolean } = {},
): Bun.Server<undefined> {
  const { HOST, PORT, REQUEST_DEADLINE_MS } = config;
  try {
    return Bun.serve({
      hostname: HOST,
      port: PORT,
      reusePort: sharesPort,
      // Longer than any classification, or Bun would cut waiting clients off after 10 s.
      idleTimeout: Math.min(255, Math.ceil(REQUEST_DEADLINE_MS / 1000) + 10),
      // Our own limits answer with a problem document; what nobody reads, Bun throws away as it comes.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      fetch: handleRequest,
    });
  } catch (cause) {
    throw listenError(config, cause);
  }
}

/**
 * Throws a ListenError when the port cannot be had. Processes that share a port cannot find out by
 * themselves: the kernel lets each of them join whoever is there, another installation included.
 */
export function checkPortIsFree({ HOST, PORT }: Pick<Config, "HOST" | "PORT">): void {
  try {
    Bun.listen({ hostname: HOST, port: PORT, socket: { data() {} } }).stop(true);
  } catch (cause) {
    throw listenError({ HOST, PORT }, cause);
  }
}

function listenError({ HOST, PORT }: Pick<Config, "HOST" | "PORT">, cause: unknown): ListenError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ListenError(`cannot listen on ${HOST}, port ${PORT}: ${reason}`, { cause });
}

/**
 * Stops the server without failing a request that it accepted. Rejects after `limitMs` in all, with
 * the connections that were still waiting cut off.
 */
export async function drain(
  server: Pick<Bun.Server<undefined>, "stop">,
  limitMs: number,
  noticeMs = NOTICE_MS,
): Promise<void> {
  const limit = AbortSignal.timeout(Math.max(0, Math.ceil(limitMs)));
  await Bun.sleep(Math.max(0, Math.min(noticeMs, limitMs / 2)));
  try {
    await untilAborted(server.stop(), limit);
  } catch (cause) {
    // Not awaited: it would wait for the handlers, which nobody hears any more.
    void server.stop(true);
    throw new Error("requests were still in flight", { cause });
  }
}
