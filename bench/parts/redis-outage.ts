import { startRedis } from "../../test/support/redis.ts";
import { fillSqlite, writeHashes } from "../data/album.ts";
import { runLoad, type LoadReport } from "../measure/wrk.ts";
import { below, type Part, type Row } from "../part.ts";
import { startCacheServer } from "../servers/start-server.ts";

const PATH = "/api/v1/classify/check-cache";
const CONNECTIONS = 64;
const KNOWN_PHOTOS = 1_000;
const P99_MS = 20;
/** The circuit opens within the first second of load. */
const SETTLE_S = 2;

/** Hits of hot photos while Redis does not answer, and while there is none, against a healthy one. */
export const measureRedisOutage: Part = async ({ effort, folder }) => {
  const redis = await startRedis();
  try {
    const hashes = await fillSqlite(folder, KNOWN_PHOTOS);
    await using server = await startCacheServer(folder, { REDIS_URL: redis.url });
    const url = `${server.url}${PATH}`;
    const args = [await writeHashes(folder, hashes)];
    const load = { script: "check-cache", url, args, connections: CONNECTIONS } as const;
    const measure = async () => {
      await runLoad({ ...load, durationS: SETTLE_S });
      return runLoad({ ...load, durationS: effort.roundS });
    };
    const healthy = await measure();
    redis.freeze();
    const frozen = await measure();
    redis.thaw();
    await redis.kill();
    const killed = await measure();
    return [row("frozen", healthy, frozen), row("killed", healthy, killed)];
  } finally {
    await redis.stop();
  }
};

function row(state: string, healthy: LoadReport, meanwhile: LoadReport): Row {
  return {
    what: `check-cache hit while Redis is ${state}, p99`,
    baseline: `${healthy.p99Ms.toFixed(1)} ms`,
    ours: `${meanwhile.p99Ms.toFixed(1)} ms`,
    target: below(P99_MS, "ms", meanwhile.p99Ms),
  };
}
