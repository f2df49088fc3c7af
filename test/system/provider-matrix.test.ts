import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { bulkhead } from "cockatiel";
import { INFERENCE_MODES, type InferenceMode } from "../../src/classification/classify-by-mode.ts";
import { DEFAULT_PROFILE } from "../../src/classification/profile.ts";
import { type Behaviour, behaviours, startFakeProvider } from "../support/fake-provider.ts";
import { openInProcessServer } from "../support/in-process-server.ts";
import { drawPhoto } from "../support/pictures.ts";
import { waitFor } from "../support/wait-for.ts";
import { createModelDir, type ModelDir } from "../workers/fixtures/model-dir.ts";

/** Of one attempt: short where it will be used up, long where a stalled test machine must not use it up. */
const TIMEOUT_MS = { endless: 2_000, other: 6_000 };
const DEADLINE_MS = 20_000;
/** Servers at a time: enough to wait for slow providers side by side, few enough for two busy cores. */
const CONCURRENCY = 6;
const ALL_TOGETHER_MS = 120_000;

interface Mood {
  behaviour: Behaviour;
  /** Attempts that the policy grants a provider that behaves like this; retries are two. */
  calls: number;
  answers?: true;
  /** Nothing but the timeout ends an attempt. */
  isEndless?: true;
}

const MOODS: Record<string, Mood> = {
  slow: { behaviour: behaviours.slow(150), calls: 1, answers: true },
  hang: { behaviour: behaviours.hang(), calls: 1, isEndless: true },
  "429 with Retry-After": { behaviour: behaviours.status(429, { retryAfter: "60" }), calls: 1 },
  "429 without": { behaviour: behaviours.status(429), calls: 3 },
  "500": { behaviour: behaviours.status(500), calls: 3 },
  "503": { behaviour: behaviours.status(503), calls: 3 },
  "cut mid-body": { behaviour: behaviours.cutMidBody(), calls: 3 },
  "invalid JSON": { behaviour: behaviours.body('{"choices": ['), calls: 2 },
  "outside the schema": {
    behaviour: behaviours.content('{"category":"weapons","confidence":1,"description":"x"}'),
    calls: 2,
  },
  refusal: { behaviour: behaviours.refusal(), calls: 1 },
  "401": { behaviour: behaviours.status(401), calls: 1 },
  "wrong content type": { behaviour: behaviours.body("<html></html>", "text/html"), calls: 2 },
  "10 MB": { behaviour: behaviours.flood(10_000_000), calls: 2 },
  "slow drip": { behaviour: behaviours.drip(50), calls: 1, isEndless: true },
};

/** A refused key leaves its circuit open, and a Retry-After holds for the calls that follow. */
const REMEMBERED = new Set(["401", "429 with Retry-After"]);

const POSITIONS = ["first", "second", "both"] as const;
type Position = (typeof POSITIONS)[number];

interface Expectation {
  calls: [first: number, second: number];
  /** Which of them answers; null: neither. */
  provider: "first" | "second" | null;
}

/** What the policy says: the calls of each provider, and which of them answers. */
function expectation(mood: Mood, position: Position, mode: InferenceMode): Expectation {
  if (mode === "local-only") return { calls: [0, 0], provider: null };
  const { calls, answers = false } = mood;
  // Where only the second provider misbehaves, the first refuses, or the second would never be asked.
  if (position === "second") return { calls: [1, calls], provider: answers ? "second" : null };
  if (answers) return { calls: [calls, 0], provider: "first" };
  if (position === "first") return { calls: [calls, 1], provider: "second" };
  return { calls: [calls, calls], provider: null };
}

let models: ModelDir;
let photos: Uint8Array<ArrayBuffer>[];
beforeAll(async () => {
  models = await createModelDir(32);
  // Never sure enough: in local-first, too, the language models are asked.
  await models.writeManifest({ unsure: 1 });
  photos = await Promise.all(POSITIONS.map((_, seed) => drawPhoto({ seed })));
  // The first request of a process is slow, and the timeouts are short.
  await using opened = await openServer("local-first", MOODS["slow"]!);
  await opened.server.classify(photos[0]!);
}, ALL_TOGETHER_MS);
afterAll(() => models[Symbol.asyncDispose]());

const gate = bulkhead(CONCURRENCY, Infinity);

async function openServer(mode: InferenceMode, { isEndless }: Mood) {
  const providers = [startFakeProvider(), startFakeProvider()];
  const server = await openInProcessServer({
    INFERENCE: mode,
    MODELS_DIR: models.path,
    LOCAL_MODEL: "tiny",
    LOCAL_WORKERS: "1",
    REQUEST_DEADLINE_MS: String(DEADLINE_MS),
    LLM_TIMEOUT_MS: String(isEndless ? TIMEOUT_MS.endless : TIMEOUT_MS.other),
    LLM_BASE_URL: providers[0]!.baseUrl,
    LLM_FALLBACK_BASE_URL: providers[1]!.baseUrl,
  });
  return {
    server,
    providers,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await Promise.all(providers.map((provider) => provider.stop()));
    },
  };
}

type Opened = Awaited<ReturnType<typeof openServer>>;

/** One photo while the providers behave like this. */
async function tryOut(opened: Opened, mode: InferenceMode, mood: Mood, position: Position) {
  const { server, providers } = opened;
  const before = providers.map(({ calls }) => calls.count);
  providers[0]!.behave(position === "second" ? behaviours.refusal() : mood.behaviour);
  providers[1]!.behave(position === "first" ? behaviours.answer() : mood.behaviour);
  const expected = expectation(mood, position, mode);
  const startedAt = performance.now();
  const response = await server.classify(photos[POSITIONS.indexOf(position)]!);
  expect(performance.now() - startedAt).toBeLessThan(DEADLINE_MS);
  const names = { first: providers[0]!, second: providers[1]! };
  const provider = expected.provider && new URL(names[expected.provider].baseUrl).host;
  await expectAnswer(response, mode, provider);
  const calls = providers.map(({ calls }, index) => calls.count - before[index]!);
  expect({ position, calls }).toEqual({ position, calls: expected.calls });
  await waitFor("calls to end", () => providers.every(({ calls }) => calls.inFlight === 0));
}

async function expectAnswer(response: Response, mode: InferenceMode, provider: string | null) {
  const body = (await response.json()) as Record<string, unknown>;
  if (mode === "llm-only" && provider === null) {
    expect(response.status).toBe(503);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(body).toMatchObject({ success: false, error_code: "classification_unavailable" });
    return;
  }
  expect(response.status).toBe(200);
  const data = body["data"] as { category: string; confidence: number };
  expect(DEFAULT_PROFILE.categories.map(({ key }) => key)).toContain(data.category);
  expect(data.confidence).toBeWithin(0, 1.001);
  expect(data).toMatchObject({ provider, inference_method: methodOf(mode, provider) });
}

function methodOf(mode: InferenceMode, provider: string | null): string {
  if (provider === null) return mode === "llm-first" ? "local_fallback" : "local";
  return mode === "local-first" ? "llm_fallback" : "llm";
}

describe.each(INFERENCE_MODES)("in %s", (mode) => {
  test.concurrent.each(Object.entries(MOODS))(
    "%s",
    (name, mood) =>
      gate.execute(async () => {
        const groups = REMEMBERED.has(name) ? POSITIONS.map((position) => [position]) : [POSITIONS];
        for (const positions of groups) {
          await using opened = await openServer(mode, mood);
          for (const position of positions) await tryOut(opened, mode, mood, position);
        }
      }),
    ALL_TOGETHER_MS,
  );
});
