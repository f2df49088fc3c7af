/** Opens the Redis of `REDIS_URL` as the product does, and prints whether it answers, else why not. */
import { openRedis } from "../../src/redis/open-redis.ts";

const address = { transport: "tcp", url: Bun.env["REDIS_URL"]! } as const;
const onStateChange = (_: boolean, detail: string) => process.stdout.write(detail);
const redis = await openRedis({ address, timeoutMs: 10_000, onStateChange });
const outcome = await redis.call((client) => client.ping());
if (outcome.ok) process.stdout.write(outcome.value);
await redis.close();
