import { fillSqlite, writeHashes } from "../data/album.ts";
import { cpuTimeUs, proportionalMemoryMib, residentMemoryMib } from "../measure/process-usage.ts";
import { median, spreadOf } from "../measure/statistics.ts";
import { runLoad, type LoadReport } from "../measure/wrk.ts";
import type { Part } from "../part.ts";
import { startFleet } from "../servers/start-fleet.ts";
import { startCacheServer } from "../servers/start-server.ts";

const CONNECTIONS = 64;
const KNOWN_PHOTOS = 1_000;
const WORKERS = 2;

interface Round extends LoadReport {
  /** Of all processes that answer. */
  cpuUsPerRequest: number;
}

/** check-cache from memory by one process and by two, and what a process takes. */
export const measureWorkers: Part = async ({ effort, folder }) => {
  const hashes = await fillSqlite(folder, KNOWN_PHOTOS);
  const args = [await writeHashes(folder, hashes)];
  await using one = await startCacheServer(folder);
  await using fleet = await startFleet(folder, WORKERS);

  async function load(url: string, pids: readonly number[]): Promise<Round> {
    const cpuUs = () => pids.reduce((sum, pid) => sum + cpuTimeUs(pid), 0);
    const before = cpuUs();
    const report = await runLoad({
      script: "check-cache",
      url: `${url}/api/v1/classify/check-cache`,
      args,
      connections: CONNECTIONS,
      durationS: effort.roundS,
    });
    return { ...report, cpuUsPerRequest: (cpuUs() - before) / report.requests };
  }
  const loadOne = () => load(one.url, [one.pid]);
  const loadFleet = () => load(fleet.url, fleet.workerPids);

  await loadOne();
  await loadFleet();
  const ofOne: Round[] = [];
  const ofFleet: Round[] = [];
  for (let round = 0; round < effort.rounds; round++) {
    ofOne.push(await loadOne());
    ofFleet.push(await loadFleet());
  }
  const ratios = (of: (ours: Round, theirs: Round) => number) =>
    spreadOf(ofFleet.map((ours, round) => of(ours, ofOne[round]!)));
  return [
    {
      what: `check-cache hits, ${WORKERS} processes against one`,
      baseline: describeRounds(ofOne),
      ours: describeRounds(ofFleet),
      ratio: ratios((ours, theirs) => ours.requestsPerS / theirs.requestsPerS),
      cpuRatio: ratios((ours, theirs) => theirs.cpuUsPerRequest / ours.cpuUsPerRequest),
    },
    {
      what: "resident memory of a process after that (its share of what they share)",
      baseline: "",
      ours: describeMemory(fleet.workerPids),
    },
    { what: "the same of their supervisor", baseline: "", ours: describeMemory([fleet.pid]) },
  ];
};

function describeRounds(rounds: readonly Round[]): string {
  const middle = (read: (round: Round) => number) => median(rounds.map(read));
  const perS = Math.round(middle(({ requestsPerS }) => requestsPerS));
  return `${perS}/s, ${middle(({ cpuUsPerRequest }) => cpuUsPerRequest).toFixed(1)} us CPU`;
}

function describeMemory(pids: readonly number[]): string {
  const resident = median(pids.map((pid) => residentMemoryMib(pid).now));
  const share = median(pids.map(proportionalMemoryMib));
  return `${resident.toFixed(0)} MiB (${share.toFixed(0)} MiB)`;
}
