/**
 * Apps at work, in a process of their own: each asks whether its next photo is known and uploads it if not,
 * one photo after the other. Takes a LoadPlan as its argument, prints a LoadReport.
 */
import { createAlbum, checkCache, sha256, upload } from "../../test/support/album.ts";
import type { LoadPlan, LoadReport, Stay } from "../photo-load.ts";

const plan = JSON.parse(Bun.argv[2]!) as LoadPlan;
const newPhoto = await createAlbum(plan.side);
const random = createRandom(plan.seed);
const startedAt = performance.now();
const measureFrom = startedAt + plan.warmUpMs;
const endAt = plan.forMs === null ? Infinity : measureFrom + plan.forMs;
let photosLeft = plan.photos ?? Infinity;

const report: LoadReport = {
  known: [],
  bare: [],
  fresh: [],
  answeredBy: {},
  failures: [],
  elapsedMs: 0,
};

async function askForKnown(): Promise<void> {
  const hash = plan.knownHashes[Math.floor(random() * plan.knownHashes.length)]!;
  const { status, answer } = await checkCache(plan.url, hash);
  if (status !== 200 || !answer.cached) throw new Error(`check-cache: ${status}, not cached`);
}

async function askBareServer(): Promise<void> {
  await (await fetch(plan.bareUrl!)).text();
}

async function sendNew(): Promise<string> {
  const photo = newPhoto();
  if (plan.knownHashes.length > 0) await checkCache(plan.url, sha256(photo));
  const { status, answer } = await upload(plan.url, photo);
  if (status !== 200 || !answer.data) throw new Error(`classify: ${status} ${answer.error_code}`);
  return `${answer.data.inference_method} ${answer.data.provider ?? "local model"}`;
}

async function timed<Value>(stays: Stay[], work: () => Promise<Value>): Promise<Value | null> {
  const begunAt = performance.now();
  try {
    const value = await work();
    const now = performance.now();
    if (now >= measureFrom && now <= endAt)
      stays.push({ atMs: now - startedAt, tookMs: now - begunAt });
    return value;
  } catch (error) {
    report.failures.push(error instanceof Error ? error.message : String(error));
    return null;
  }
}

async function client(_: unknown, index: number): Promise<void> {
  await Bun.sleep((plan.rampMs * index) / plan.clients);
  while (photosLeft-- > 0 && performance.now() < endAt) {
    if (random() < plan.knownShare) {
      await timed(report.known, askForKnown);
      if (plan.bareUrl) await timed(report.bare, askBareServer);
      continue;
    }
    const by = await timed(report.fresh, sendNew);
    if (by !== null) report.answeredBy[by] = (report.answeredBy[by] ?? 0) + 1;
  }
}

await Promise.all(Array.from({ length: plan.clients }, client));
report.elapsedMs = performance.now() - startedAt;
process.stdout.write(JSON.stringify(report));

/** Mulberry32: the same seed makes the same mix of photos. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
