import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { createDataDir, startServer, type ServerProcess } from "../support/server-process.ts";

/** The README's curl lines, pasted into a shell at the repository's root. */
const ROOT = join(import.meta.dir, "../..");
const README = await Bun.file(join(ROOT, "README.md")).text();
const [classify, checkCache] = [...README.matchAll(/```sh\n(curl [^]*?)```/g)].map(
  ([, line]) => line!,
);
const PROMISED = JSON.parse(/```json\n([^]*?)```/.exec(README)![1]!) as Answer;

interface Answer {
  success: boolean;
  cached?: boolean;
  data: Record<string, unknown> & { confidence: number; local_inference_result: LocalInference };
}

interface LocalInference {
  model: string;
  version: string;
  probabilities: Record<string, number>;
}

/** Processors add floating-point numbers in orders of their own. */
const TOLERANCE = 0.02;

let folder: Awaited<ReturnType<typeof createDataDir>>;
let server: ServerProcess;

beforeAll(async () => {
  folder = await createDataDir();
  server = await startServer(folder.path, { MODELS_DIR: join(ROOT, "models") });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function paste(command: string): Promise<Answer> {
  const shell = Bun.spawn(["bash", "-c", command.replaceAll("http://localhost:8000", server.url)], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "ignore"],
  });
  return (await new Response(shell.stdout).json()) as Answer;
}

test("the first curl line gets the answer that the README shows", async () => {
  const answer = await paste(classify!);
  expect(Object.keys(answer)).toEqual(Object.keys(PROMISED));
  expect(Object.keys(answer.data)).toEqual(Object.keys(PROMISED.data));
  const { confidence, local_inference_result: promised, ...rest } = PROMISED.data;
  const { probabilities, ...model } = promised;
  expect(answer.data).toMatchObject(rest);
  expect(answer.data.local_inference_result).toMatchObject(model);
  expect(Math.abs(answer.data.confidence - confidence)).toBeLessThan(TOLERANCE);
  for (const [category, probability] of Object.entries(probabilities)) {
    const answered = answer.data.local_inference_result.probabilities[category]!;
    expect(Math.abs(answered - probability)).toBeLessThan(TOLERANCE);
  }
});

test("the second one is answered from the cache", async () => {
  const answer = await paste(checkCache!);
  expect(answer).toMatchObject({
    success: true,
    cached: true,
    data: { category: PROMISED.data["category"] },
  });
});
