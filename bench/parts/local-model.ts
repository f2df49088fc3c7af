import { cpus } from "node:os";
import { drawUpload } from "../data/album.ts";
import { measureRound } from "../measure/interleave.ts";
import { median, spreadOf } from "../measure/statistics.ts";
import { atLeast, below, type Part, type PartContext, type Row } from "../part.ts";
import { startServer, type RunningServer } from "../servers/start-server.ts";

const P50_MS = 40;
const SPEED_UP = 1.7;
/** Uploads in flight for each worker: enough that none waits for work. */
const BACKLOG = 4;

/** Uploads of unknown photos that the local model answers, one worker and two. */
export const measureLocalModel: Part = async (context) => {
  const photo = `${context.folder}/photo.jpg`;
  await Bun.write(photo, await drawUpload());
  await using one = await startServer(`${context.folder}/one`, local(1));
  await using two = await startServer(`${context.folder}/two`, local(2));
  return [
    await measureLatency(two, photo, context),
    ...(await measureThroughput(one, two, photo, context)),
  ];
};

function local(workers: number): Record<string, string> {
  return { INFERENCE: "local-only", LOCAL_WORKERS: String(workers) };
}

let run = 0;

function upload({ url }: RunningServer, photo: string, connections: number) {
  const args = [photo, `-${process.pid}-${run++}-`];
  return { script: "unique-photos" as const, url: `${url}/api/v1/classify`, args, connections };
}

async function measureLatency(server: RunningServer, photo: string, { effort }: PartContext) {
  const p50: number[] = [];
  const p95: number[] = [];
  for (let round = 0; round <= effort.rounds; round++) {
    const load = upload(server, photo, 1);
    const report = await measureRound({ pids: [server.pid], load }, effort.roundS);
    if (round === 0) continue;
    p50.push(report.p50Ms);
    p95.push(report.p95Ms);
  }
  return {
    what: "local answer to a new 1024x768 JPEG, p50 and p95",
    baseline: "",
    ours: `${median(p50).toFixed(1)} ms, ${median(p95).toFixed(1)} ms`,
    target: below(P50_MS, "ms", median(p50)),
  } satisfies Row;
}

/** The rates of one and two workers, measured in turn. */
async function measureThroughput(
  one: RunningServer,
  two: RunningServer,
  photo: string,
  { effort }: PartContext,
): Promise<Row[]> {
  const rates: { one: number; two: number; cpuOfOne: number; cpuOfTwo: number }[] = [];
  for (let round = 0; round < effort.rounds; round++) {
    const ofOne = { pids: [one.pid], load: upload(one, photo, BACKLOG) };
    const single = await measureRound(ofOne, effort.roundS);
    const ofTwo = { pids: [two.pid], load: upload(two, photo, 2 * BACKLOG) };
    const double = await measureRound(ofTwo, effort.roundS);
    rates.push({
      one: single.requestsPerS,
      two: double.requestsPerS,
      cpuOfOne: single.cpuUsPerRequest,
      cpuOfTwo: double.cpuUsPerRequest,
    });
  }
  const speedUp = spreadOf(rates.map(({ one, two }) => two / one));
  const cpuMs = median(rates.map(({ cpuOfTwo }) => cpuOfTwo)) / 1000;
  const perS = (worker: "one" | "two") => median(rates.map((rate) => rate[worker])).toFixed(0);
  return [
    {
      what: `local classifications, two workers (${cpus().length} cores)`,
      baseline: `one worker ${perS("one")}/s`,
      ours: `${perS("two")}/s`,
      ratio: speedUp,
      target: atLeast(SPEED_UP, speedUp.median),
    },
    {
      what: "local classifications per second of CPU time",
      baseline: "",
      ours: `${(1000 / cpuMs).toFixed(0)} (${cpuMs.toFixed(1)} ms each)`,
    },
  ];
}
