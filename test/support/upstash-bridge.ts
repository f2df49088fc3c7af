/** What Upstash calls a token; any text does. */
export const UPSTASH_TOKEN = "bridge-token-5d1c";

export interface UpstashBridge {
  readonly url: string;
  /** Requests so far, in order. */
  readonly requests: readonly { path: string; headers: Headers }[];
  stop(): Promise<void>;
}

type Reply = { result: unknown } | { error: string };
type Command = (string | number | boolean)[];

const REPLY_ERROR = "ERR_REDIS_SERVER_ERROR";

/**
 * Upstash's REST protocol (https://upstash.com/docs/redis/features/restapi) in front of a real Redis:
 * a command as a JSON array posted to `/`, several to `/pipeline`, a transaction to `/multi-exec`,
 * answers in base64 where `Upstash-Encoding` asks for it.
 */
export function startUpstashBridge(redisUrl: string): UpstashBridge {
  const requests: { path: string; headers: Headers }[] = [];
  let redis: Bun.RedisClient | null = null;

  function connect(): Bun.RedisClient {
    const client = new Bun.RedisClient(redisUrl, { autoReconnect: false });
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- it has no other
    client.onclose = () => {
      if (redis === client) redis = null;
    };
    // REST answers look like RESP2's: pairs in one flat list, no maps.
    client.send("HELLO", ["2"]).catch(() => {});
    return client;
  }

  const send = async ([name, ...args]: Command): Promise<Reply> => {
    redis ??= connect();
    try {
      return { result: await redis.send(String(name), args.map(String)) };
    } catch (error) {
      if ((error as { code?: string }).code !== REPLY_ERROR) throw error;
      return { error: (error as Error).message };
    }
  };

  async function transact(commands: readonly Command[]): Promise<Reply[] | { error: string }> {
    const [, ...replies] = await Promise.all([
      send(["MULTI"]),
      ...commands.map(send),
      send(["EXEC"]),
    ]);
    const done = replies.at(-1)!;
    if ("error" in done) return done;
    return (done.result as unknown[]).map((result) =>
      result instanceof Error ? { error: result.message } : { result },
    );
  }

  async function answer(path: string, body: unknown): Promise<Reply | Reply[]> {
    if (path === "/") return send(body as Command);
    if (path === "/pipeline") return Promise.all((body as Command[]).map(send));
    if (path === "/multi-exec") return transact(body as Command[]);
    return { error: `ERR no such path ${path}` };
  }

  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const path = new URL(request.url).pathname;
      requests.push({ path, headers: request.headers });
      if (request.headers.get("Authorization") !== `Bearer ${UPSTASH_TOKEN}`)
        return Response.json({ error: "WRONGPASS invalid or missing auth token" }, { status: 401 });
      try {
        const reply = await answer(path, await request.json());
        if ("error" in reply) return Response.json(reply, { status: 400 });
        const isEncoded = request.headers.get("Upstash-Encoding") === "base64";
        return Response.json(isEncoded ? encode(reply) : reply);
      } catch (error) {
        return Response.json({ error: String(error) }, { status: 502 });
      }
    },
  });
  return {
    url: server.url.href.replace(/\/$/, ""),
    requests,
    async stop() {
      redis?.close();
      await server.stop(true);
    },
  };
}

/** All texts in base64, the status OK and error messages as they are. */
function encode(value: unknown): unknown {
  if (typeof value === "string") return value === "OK" ? value : Buffer.from(value).toBase64();
  if (Array.isArray(value)) return value.map(encode);
  if (value === null || typeof value !== "object" || "error" in value) return value;
  return { result: encode((value as { result: unknown }).result) };
}
