import { Redis } from "@upstash/redis";
import { createTcpRequester } from "./tcp-requester.ts";

/** What can be asked of a Redis, whatever the transport. */
export type RedisCommands = Redis;

/** How a Redis is spoken to: its own protocol over TCP, or Upstash's over HTTPS. */
export type RedisAddress =
  { transport: "tcp"; url: string } | { transport: "rest"; url: string; token: string };

/** Further tries after a connection that failed, within the same deadline. */
const REST_RETRIES = 1;
const REST_RETRY_PAUSE_MS = 10;

/** The client, whatever it speaks, and what can be done to its connection. */
export interface RedisTransport {
  readonly redis: RedisCommands;
  /** Gives up on all commands that wait for an answer. */
  reset(): void;
  close(): void;
}

export function openTransport(address: RedisAddress, timeoutMs: number): RedisTransport {
  return address.transport === "tcp" ? openTcp(address, timeoutMs) : openRest(address, timeoutMs);
}

function openTcp({ url }: { url: string }, timeoutMs: number): RedisTransport {
  const requester = createTcpRequester(url, timeoutMs);
  return { redis: new Redis(requester), reset: requester.reset, close: requester.close };
}

/** Requests have no connection to lose: each ends with its own deadline. */
function openRest(
  { url, token }: { url: string; token: string },
  timeoutMs: number,
): RedisTransport {
  const redis = new Redis({
    url,
    token,
    retry: { retries: REST_RETRIES, backoff: () => REST_RETRY_PAUSE_MS },
    signal: () => AbortSignal.timeout(timeoutMs),
    enableTelemetry: false,
  });
  return { redis, reset: () => {}, close: () => {} };
}
