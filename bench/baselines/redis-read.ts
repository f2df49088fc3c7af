/**
 * The least that a hit from Redis costs: one GET on a client of the product's kind. As a script, a bare
 * server that reads so for every request; arguments: the address of a filled Redis, the prefix of the keys.
 */
import { Redis } from "@upstash/redis";
import { createTcpRequester } from "../../src/redis/tcp-requester.ts";

const TIMEOUT_MS = 5_000;

/** Rejects when there is no such key. */
export function openRedisReads(url: string): {
  read: (key: string) => Promise<unknown>;
  close: () => void;
} {
  const requester = createTcpRequester(url, TIMEOUT_MS);
  const redis = new Redis(requester);
  return {
    async read(key) {
      const value = await redis.get(key);
      if (value === null) throw new Error("the key is not there");
      return value;
    },
    close: () => requester.close(),
  };
}

if (import.meta.main) {
  const { read } = openRedisReads(Bun.argv[2]!);
  const keyPrefix = Bun.argv[3]!;
  Bun.serve({
    hostname: "127.0.0.1",
    port: Number(Bun.env["PORT"]),
    async fetch(request) {
      if (request.method === "GET") return new Response("ready");
      const { image_hash: digest } = (await request.json()) as { image_hash: string };
      const result = (await read(`${keyPrefix}${digest}`)) as unknown[];
      return Response.json({ category: result[5], description: result[7] });
    },
  });
}
