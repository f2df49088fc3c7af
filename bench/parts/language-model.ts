import type { PictureReader } from "../../src/classification/ports/picture-reader.ts";
import { DEFAULT_PROFILE } from "../../src/classification/profile.ts";
import { createPictureReader } from "../../src/imaging/picture-reader.ts";
import { DEFAULT_PROVIDER_SETTINGS } from "../../src/llm/provider-settings.ts";
import { createRequestBuilder } from "../../src/llm/request.ts";
import { drawUpload } from "../data/album.ts";
import { measureRound, type Contender } from "../measure/interleave.ts";
import { median, spreadOf } from "../measure/statistics.ts";
import { below, type Part, type PartContext } from "../part.ts";
import { startServer } from "../servers/start-server.ts";
import { startProcess } from "../servers/start-process.ts";

const OVERHEAD_MS = 3;
const MODEL = "fake-vision";
const SHRUNK_PICTURES = 20;

/** New photos that a provider answers at once, one at a time, against asking the provider directly. */
export const measureLanguageModel: Part = async ({ effort, folder }) => {
  await using provider = await startProcess({
    script: "test/support/fake-provider.ts",
    args: (port) => ["--port", String(port)],
    readyPath: "/v1/models",
  });
  await using server = await startServer(`${folder}/data`, {
    LLM_BASE_URL: `${provider.url}/v1`,
    LLM_MODEL: MODEL,
    LOCAL_MODEL: "none",
  });
  const photo = await drawUpload();
  await Bun.write(`${folder}/photo.jpg`, photo);
  const reader = createPictureReader({ maxPixels: 64_000_000, concurrency: 1, maxQueued: 1 });
  await Bun.write(`${folder}/question.json`, await writeQuestion(reader, photo));
  const direct: Contender = {
    pids: [provider.pid],
    load: {
      script: "same-body",
      url: `${provider.url}/v1/chat/completions`,
      args: ["application/json", `${folder}/question.json`],
      connections: 1,
    },
  };
  const gateway = (round: number): Contender => ({
    pids: [server.pid],
    load: {
      script: "unique-photos",
      url: `${server.url}/api/v1/classify`,
      args: [`${folder}/photo.jpg`, `-${round}-`],
      connections: 1,
    },
  });
  const shrink = () => measureShrinking(reader, photo);
  return describe(await measurePairs(direct, gateway, shrink, effort));
};

/** What the product sends to the provider for this photo. */
async function writeQuestion(reader: PictureReader, photo: Uint8Array): Promise<string> {
  const jpeg = await reader.encode(photo);
  if (!jpeg.ok) throw new Error(jpeg.detail);
  const build = createRequestBuilder({ ...DEFAULT_PROVIDER_SETTINGS, model: MODEL });
  return JSON.stringify(build(jpeg.value, DEFAULT_PROFILE));
}

/** Milliseconds, at the median, to look at the picture and make the JPEG that the model is shown. */
async function measureShrinking(reader: PictureReader, photo: Uint8Array): Promise<number> {
  const times: number[] = [];
  for (let index = 0; index < SHRUNK_PICTURES; index++) {
    const startedAt = performance.now();
    const glance = await reader.glance(photo);
    const jpeg = await reader.encode(photo);
    if (!glance.ok || !jpeg.ok) throw new Error("the picture cannot be read");
    times.push(performance.now() - startedAt);
  }
  return median(times);
}

interface Pair {
  directMs: number;
  gatewayMs: number;
  /** What the gateway's own part of the picture costs, the same work done in this process. */
  shrinkMs: number;
}

async function measurePairs(
  direct: Contender,
  gateway: (round: number) => Contender,
  shrink: () => Promise<number>,
  { rounds, roundS }: PartContext["effort"],
): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for (let round = -1; round < rounds; round++) {
    const { p50Ms: directMs } = await measureRound(direct, roundS);
    const shrinkMs = await shrink();
    const { p50Ms: gatewayMs } = await measureRound(gateway(round), roundS);
    if (round >= 0) pairs.push({ directMs, gatewayMs, shrinkMs });
  }
  return pairs;
}

function describe(pairs: readonly Pair[]) {
  const middle = (name: keyof Pair) => median(pairs.map((pair) => pair[name]));
  const overheads = pairs.map((pair) => pair.gatewayMs - pair.directMs - pair.shrinkMs);
  const overhead = spreadOf(overheads);
  return [
    {
      what: "language-model call, overhead at p50 without shrinking",
      baseline: `direct call ${middle("directMs").toFixed(2)} ms`,
      ours: `+${overhead.median.toFixed(2)} ms (${overhead.min.toFixed(2)}-${overhead.max.toFixed(2)})`,
      target: below(OVERHEAD_MS, "ms", overhead.median),
    },
    {
      what: "language-model call as a whole at p50, and shrinking in it",
      baseline: "",
      ours: `${middle("gatewayMs").toFixed(2)} ms, ${middle("shrinkMs").toFixed(2)} ms`,
    },
  ];
}
