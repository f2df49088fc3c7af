import { drawUpload, fillSqlite, writeHashes } from "../data/album.ts";
import { residentMemoryMib } from "../measure/process-usage.ts";
import { median } from "../measure/statistics.ts";
import { runLoad } from "../measure/wrk.ts";
import { below, type Part, type PartContext, type Row } from "../part.ts";
import { startServer, type RunningServer } from "../servers/start-server.ts";

const START_MS = 1_000;
const IDLE_MIB = 250;
const KNOWN_PHOTOS = 1_000;
/** Memory counts as idle when it has not grown for this long. */
const SETTLED_MS = 2_000;
const SETTLES_WITHIN_MS = 20_000;
const SETTINGS = { INFERENCE: "local-only", LOCAL_WORKERS: "2" };

/** Start and memory of the product with its local model, two workers. */
export const measureProcess: Part = async (context) => {
  const hashes = await fillSqlite(context.folder, KNOWN_PHOTOS);
  const start = await measureStart(context);
  await using server = await startServer(context.folder, SETTINGS);
  await wakeWorkers(server, context);
  const idleMib = await settledMemoryMib(server);
  return [
    start,
    {
      what: "resident memory, idle, two workers ready",
      baseline: "",
      ours: `${idleMib.toFixed(0)} MiB`,
      target: below(IDLE_MIB, "MiB", idleMib),
    },
    await measureLoaded(server, hashes, context),
  ];
};

async function measureStart({ effort, folder }: PartContext): Promise<Row> {
  const times: number[] = [];
  for (let round = 0; round <= effort.rounds; round++) {
    await using server = await startServer(folder, SETTINGS);
    // The first one may find the disk's cache cold.
    if (round > 0) times.push(server.startMs);
  }
  const startMs = median(times);
  return {
    what: "process start to first answer, two workers",
    baseline: "",
    ours: `${startMs.toFixed(0)} ms`,
    target: below(START_MS, "ms", startMs),
  };
}

/** A server answers while its workers are still loading; two photos at once need them both. */
async function wakeWorkers({ url }: RunningServer, { folder }: PartContext): Promise<void> {
  const file = `${folder}/photo.jpg`;
  await Bun.write(file, await drawUpload());
  const load = { script: "unique-photos" as const, url: `${url}/api/v1/classify`, connections: 2 };
  await runLoad({ ...load, args: [file, "wake"], durationS: 1 });
}

async function settledMemoryMib({ pid }: RunningServer): Promise<number> {
  const deadline = performance.now() + SETTLES_WITHIN_MS;
  let highest = 0;
  let grewAt = performance.now();
  for (;;) {
    const { now } = residentMemoryMib(pid);
    if (now > highest) [highest, grewAt] = [now, performance.now()];
    if (performance.now() - grewAt > SETTLED_MS || performance.now() > deadline) return now;
    await Bun.sleep(100);
  }
}

/** The most memory ever, after checks from memory and new photos for both workers. */
async function measureLoaded(
  { pid, url }: RunningServer,
  hashes: readonly string[],
  { effort, folder }: PartContext,
): Promise<Row> {
  const durationS = effort.roundS * 2;
  await runLoad({
    script: "check-cache",
    url: `${url}/api/v1/classify/check-cache`,
    args: [await writeHashes(folder, hashes)],
    connections: 64,
    durationS,
  });
  await runLoad({
    script: "unique-photos",
    url: `${url}/api/v1/classify`,
    args: [`${folder}/photo.jpg`, "load"],
    connections: 16,
    durationS,
  });
  const { peak } = residentMemoryMib(pid);
  return { what: "resident memory, peak under load", baseline: "", ours: `${peak.toFixed(0)} MiB` };
}
