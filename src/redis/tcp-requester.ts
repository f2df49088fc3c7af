import { errors, type Requester } from "@upstash/redis";

type Command = readonly (string | number | boolean)[];
type Reply = { result: unknown } | { error: string };

/** What `Redis` asks of its transport, over one TCP connection. */
export interface TcpRequester extends Requester {
  /**
   * Drops the connection on which a command waited for the whole of `timeoutMs`, and with it all commands
   * without an answer: none of them would have come sooner. The next command opens another.
   */
  reset(): void;
  close(): void;
}

/** Bun's code for an error reply; every other code means that there was no reply. */
const REPLY_ERROR = "ERR_REDIS_SERVER_ERROR";

/**
 * Speaks to a Redis server through Bun's client, as @upstash/redis speaks to Upstash's REST interface:
 * single commands, `pipeline` and `multi-exec`. A connection is opened when a command needs one and
 * forgotten when it breaks, so that a server that is back is found by the next command. Replies come in
 * the order of commands, so none can meet another's command; commands sent in one turn of the event
 * loop stay together, so no other command gets into a transaction.
 */
export function createTcpRequester(url: string, timeoutMs: number): TcpRequester {
  let current: Bun.RedisClient | null = null;
  let openedAt = 0;
  let isClosed = false;

  function connect(): Bun.RedisClient {
    if (isClosed) throw new Error("the connection to Redis is closed");
    openedAt = performance.now();
    const client = new Bun.RedisClient(url, {
      autoReconnect: false,
      connectionTimeout: timeoutMs,
    });
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- it has no other
    client.onclose = () => {
      if (current === client) current = null;
    };
    // RESP2's replies are what @upstash/redis reads: pairs in one flat list, scores as text. Where it
    // is refused, so is what comes next.
    client.send("HELLO", ["2"]).catch(() => {});
    return client;
  }

  async function send([name, ...args]: Command): Promise<Reply> {
    current ??= connect();
    try {
      return toReply(await current.send(String(name), args.map(String)));
    } catch (error) {
      if ((error as { code?: string }).code !== REPLY_ERROR) throw error;
      return { error: (error as Error).message };
    }
  }

  async function transact(commands: readonly Command[]): Promise<Reply[]> {
    const replies = await Promise.all([send(["MULTI"]), ...commands.map(send), send(["EXEC"])]);
    const done = replies.at(-1)!;
    if ("error" in done) throw new errors.UpstashError(done.error);
    return (done.result as unknown[]).map(toReply);
  }

  function drop(): void {
    const dropped = current;
    current = null;
    dropped?.close();
  }

  return {
    // The answer's shape follows the path, which the interface cannot say.
    async request({ path = [], body }): Promise<never> {
      const [kind = "single"] = path;
      if (kind === "single") return (await send(body as Command)) as never;
      if (kind === "multi-exec") return (await transact(body as Command[])) as never;
      if (kind === "pipeline") return (await Promise.all((body as Command[]).map(send))) as never;
      throw new Error(`Redis over TCP knows no ${kind}`);
    },
    reset() {
      // Of many commands that time out together only the first meets the old connection.
      if (performance.now() - openedAt >= timeoutMs) drop();
    },
    close() {
      isClosed = true;
      drop();
    },
  };
}

/** Within a transaction Bun hands back errors as values. Booleans are integers to @upstash/redis. */
function toReply(value: unknown): Reply {
  if (value instanceof Error) return { error: value.message };
  return { result: typeof value === "boolean" ? Number(value) : value };
}
