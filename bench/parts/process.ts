import { drawUpload, fillSqlite, writeHashes } from "../data/album.ts";
import { residentMemoryMib } from "../measure/process-usage.ts";
import { median } from "../measure/statistics.ts";
import { runLoad } from "../measure/wrk.ts";
import { below, type Part, type PartContext, type Row } from "../part.ts";
import { startCacheServer, startServer, type RunningServer } from "../servers/start-server.ts";

const START_MS = 1_000;
const IDLE_MIB = 250;
const KNOWN_PHOTOS = 1_000;
/** Memory counts as idle when it has not grown for this long. */
const SETTLED_MS = 2_000;
const SETTLES_WITHIN_MS = 20_000;
const WORKER_MIB = 120;
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
    await measureWorkers(context),
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
async function wakeWorkers(server: RunningServer, { folder }: PartContext): Promise<void> {
  const file = `${folder}/photo.jpg`;
  await Bun.write(file, await drawUpload());
  await uploadNewPhotos(server, file, { word: "wake", connections: 2, durationS: 1 });
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
  server: RunningServer,
  hashes: readonly string[],
  context: PartContext,
): Promise<Row> {
  await runLoad({
    script: "check-cache",
    url: `${server.url}/api/v1/classify/check-cache`,
    args: [await writeHashes(context.folder, hashes)],
    connections: 64,
    durationS: context.effort.roundS * 2,
  });
  await loadWorkers(server, context);
  const { peak } = residentMemoryMib(server.pid);
  return { what: "resident memory, peak under load", baseline: "", ours: `${peak.toFixed(0)} MiB` };
}

/** Keeps the workers of any number busy for as long as a measurement takes. */
function loadWorkers(server: RunningServer, { effort, folder }: PartContext): Promise<void> {
  const load = { word: "load", connections: 16, durationS: effort.roundS * 2 };
  return uploadNewPhotos(server, `${folder}/photo.jpg`, load);
}

/** `word` is one that no earlier load on the same server used. */
async function uploadNewPhotos(
  { url }: RunningServer,
  file: string,
  { word, ...load }: { word: string; connections: number; durationS: number },
): Promise<void> {
  const args = [file, word];
  await runLoad({ ...load, script: "unique-photos", url: `${url}/api/v1/classify`, args });
}

async function measureWithoutModel({ folder }: PartContext): Promise<number> {
  await using server = await startCacheServer(`${folder}/none`);
  return await settledMemoryMib(server);
}

/**
 * What the first worker adds at its peak, with all that comes with it: the runtime's library, uploads in
 * flight, pictures that are decoded, results that are stored. And what a second one adds to that.
 */
async function measureWorkers(context: PartContext): Promise<Row> {
  const withoutMib = await measureWithoutModel(context);
  const peaks: number[] = [];
  for (const workers of [1, 2]) {
    const settings = { ...SETTINGS, LOCAL_WORKERS: String(workers) };
    await using server = await startServer(`${context.folder}/${workers}`, settings);
    await loadWorkers(server, context);
    peaks.push(residentMemoryMib(server.pid).peak);
  }
  const [one, two] = peaks as [number, number];
  return {
    what: "peak memory under load: what the first worker's uploads add, and a second worker",
    baseline: `no local model, idle ${withoutMib.toFixed(0)} MiB`,
    ours: `${(one - withoutMib).toFixed(0)} MiB, ${(two - one).toFixed(0)} MiB`,
    target: below(WORKER_MIB, "MiB", two - one),
  };
}
