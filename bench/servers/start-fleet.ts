import { childrenOf } from "../measure/process-usage.ts";
import { startCacheServer, type RunningServer } from "./start-server.ts";

/** Several processes on one port; `pid` is their supervisor's. */
export interface RunningFleet extends RunningServer {
  readonly workerPids: readonly number[];
}

const READY_WITHIN_MS = 30_000;

/** Starts the product with `WORKERS` and waits until each of them answers. */
export async function startFleet(dataDir: string, workers: number): Promise<RunningFleet> {
  const server = await startCacheServer(dataDir, { WORKERS: String(workers) });
  try {
    await untilAllAnswer(server, workers);
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
  return { ...server, workerPids: childrenOf(server.pid) };
}

/** The metrics tell of every worker that serves, by its number. */
async function untilAllAnswer({ url }: RunningServer, workers: number): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS;
  const seen = new Set<string>();
  while (seen.size < workers) {
    if (performance.now() > deadline) throw new Error(`only ${seen.size} workers answer`);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    for (const [, worker] of metrics.matchAll(/worker="(\d+)"/g)) seen.add(worker!);
    await Bun.sleep(100);
  }
}
