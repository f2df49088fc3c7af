import { fillSqlite, writeHashes } from "../data/album.ts";
import { compare } from "../measure/interleave.ts";
import { proportionalMemoryMib, residentMemoryMib } from "../measure/process-usage.ts";
import { median } from "../measure/statistics.ts";
import type { Part } from "../part.ts";
import { describePerformance } from "../report.ts";
import { startFleet } from "../servers/start-fleet.ts";
import { startCacheServer } from "../servers/start-server.ts";

const PATH = "/api/v1/classify/check-cache";
const CONNECTIONS = 64;
const KNOWN_PHOTOS = 1_000;
const WORKERS = 2;

/** check-cache from memory by one process and by two, and what a process takes. */
export const measureWorkers: Part = async ({ effort, folder }) => {
  const hashes = await fillSqlite(folder, KNOWN_PHOTOS);
  const args = [await writeHashes(folder, hashes)];
  await using one = await startCacheServer(folder);
  await using fleet = await startFleet(folder, WORKERS);

  const load = { script: "check-cache" as const, args, connections: CONNECTIONS };
  const { baseline, subject, throughputRatio, cpuRatio } = await compare(
    { pids: [one.pid], load: { ...load, url: `${one.url}${PATH}` } },
    { pids: fleet.workerPids, load: { ...load, url: `${fleet.url}${PATH}` } },
    effort,
  );
  return [
    {
      what: `check-cache hits, ${WORKERS} processes against one`,
      baseline: describePerformance(baseline),
      ours: describePerformance(subject),
      ratio: throughputRatio,
      cpuRatio,
    },
    {
      what: "resident memory of a process after that (its share of what they share)",
      baseline: "",
      ours: describeMemory(fleet.workerPids),
    },
    { what: "the same of their supervisor", baseline: "", ours: describeMemory([fleet.pid]) },
  ];
};

function describeMemory(pids: readonly number[]): string {
  const resident = median(pids.map((pid) => residentMemoryMib(pid).now));
  const share = median(pids.map(proportionalMemoryMib));
  return `${resident.toFixed(0)} MiB (${share.toFixed(0)} MiB)`;
}
