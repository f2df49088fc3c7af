import { fillSqlite, writeHashes } from "../data/album.ts";
import { compare } from "../measure/interleave.ts";
import { atLeast, below, type Part, type PartContext, type Row } from "../part.ts";
import { startBaseline, startCacheServer } from "../servers/start-server.ts";
import { describePerformance } from "../report.ts";

const PATH = "/api/v1/classify/check-cache";
const CONNECTIONS = 64;
const KNOWN_PHOTOS = 1_000;
const RATIO = 0.4;
const P99_MS = 10;

/** check-cache from memory, against a server that answers the same text to everything. */
async function measureAnswers(
  what: string,
  hashes: readonly string[],
  { effort, folder }: PartContext,
): Promise<Row[]> {
  await using server = await startCacheServer(folder);
  const response = await fetch(`${server.url}${PATH}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ image_hash: hashes[0] }),
  });
  await using baseline = await startBaseline("constant-answer", await response.text());
  const args = [await writeHashes(folder, hashes)];
  const load = { script: "check-cache" as const, args, connections: CONNECTIONS };
  const {
    baseline: theirs,
    subject,
    throughputRatio,
    cpuRatio,
  } = await compare(
    { pids: [baseline.pid], load: { ...load, url: `${baseline.url}${PATH}` } },
    { pids: [server.pid], load: { ...load, url: `${server.url}${PATH}` } },
    effort,
  );
  return [
    {
      what: `check-cache ${what} from memory`,
      baseline: `bare Bun.serve ${describePerformance(theirs)}`,
      ours: describePerformance(subject),
      ratio: throughputRatio,
      cpuRatio,
      target: atLeast(RATIO, throughputRatio.median),
    },
    {
      what: `check-cache ${what}, p99 at ${CONNECTIONS} connections`,
      baseline: `${theirs.p99Ms.toFixed(1)} ms`,
      ours: `${subject.p99Ms.toFixed(1)} ms`,
      target: below(P99_MS, "ms", subject.p99Ms),
    },
  ];
}

export const measureHits: Part = async (context) => {
  const hashes = await fillSqlite(context.folder, KNOWN_PHOTOS);
  return measureAnswers("hit", hashes, context);
};

/** Few unknown hashes: after its first question each is remembered as unknown, for two seconds. */
export const measureMisses: Part = async (context) => {
  await fillSqlite(context.folder, KNOWN_PHOTOS);
  const hashes = Array.from({ length: 100 }, (_, index) =>
    Bun.SHA256.hash(`unknown ${index}`, "hex"),
  );
  return measureAnswers("miss", hashes, context);
};
