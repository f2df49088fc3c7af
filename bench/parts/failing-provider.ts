import { type Behaviour, behaviours, startFakeProvider } from "../../test/support/fake-provider.ts";
import { createDataDir, startServer } from "../../test/support/server-process.ts";
import { createModelDir } from "../../test/workers/fixtures/model-dir.ts";
import { MORE_CONNECTIONS, quantileMs, runPhotoLoad } from "../photo-load.ts";

const PHOTOS = 1_000;
const DEADLINE_MS = 25_000;
const FIRST = { failing: 0.3, hanging: 0.05, delayMs: 300, timeoutMs: 5_000 };
const SECOND_DELAY_MS = 600;

/** 1,000 new photos at once while the first of two providers fails 30 % of its calls and hangs in 5 %. */
export async function measureFailingProvider() {
  await using stack = new AsyncDisposableStack();
  const first = startFakeProvider({ keepRequests: 0, behaviour: misbehave });
  stack.defer(() => first.stop());
  const second = startFakeProvider({
    keepRequests: 0,
    behaviour: behaviours.slow(SECOND_DELAY_MS),
  });
  stack.defer(() => second.stop());
  const models = stack.use(await createModelDir());
  const dir = stack.use(await createDataDir());
  const file = `${dir.path}/providers.json`;
  await Bun.write(
    file,
    JSON.stringify({
      providers: [
        {
          name: "first",
          baseUrl: first.baseUrl,
          model: "cheap",
          timeoutMs: FIRST.timeoutMs,
          concurrency: 128,
        },
        { name: "second", baseUrl: second.baseUrl, model: "strong", concurrency: 128 },
      ],
    }),
  );
  const server = stack.use(
    await startServer(dir.path, {
      ...MORE_CONNECTIONS,
      LLM_PROVIDERS_FILE: file,
      MODELS_DIR: models.path,
      LOCAL_MODEL: "tiny",
      REQUEST_DEADLINE_MS: String(DEADLINE_MS),
      LOG_LEVEL: "info",
    }),
  );
  const report = await runPhotoLoad({
    url: server.url,
    clients: PHOTOS,
    photos: PHOTOS,
    forMs: null,
    warmUpMs: 0,
    rampMs: 0,
    knownShare: 0,
    knownHashes: [],
    bareUrl: null,
    side: 320,
    seed: 1,
  });
  const answered = report.fresh.length;
  const p99 = quantileMs(report.fresh, 0.99);
  const calls = `first ${first.calls.count} calls, second ${second.calls.count}`;
  return [
    {
      what: "1,000 new photos at once, first provider fails 30 %, hangs 5 %: answered",
      baseline: calls,
      ours: `${answered}, ${report.failures.length} failed`,
      target: { text: `= ${PHOTOS}`, isMet: answered === PHOTOS },
    },
    {
      what: "their time, p50 and p99",
      baseline: `deadline ${DEADLINE_MS / 1_000} s`,
      ours: `${seconds(quantileMs(report.fresh, 0.5))}, ${seconds(p99)}`,
      target: { text: `< ${DEADLINE_MS / 1_000} s`, isMet: p99 < DEADLINE_MS },
    },
    ...Object.entries(report.answeredBy)
      .toSorted(([, a], [, b]) => b - a)
      .map(([by, count]) => ({ what: `answered by ${by}`, baseline: "", ours: String(count) })),
  ];
}

/** The same calls fail in every run; a failure is back at once, before any answer. */
function misbehave(_call: unknown, index: number): Behaviour {
  const place = ((index * 37) % 100) / 100;
  if (place < FIRST.hanging) return behaviours.hang();
  if (place < FIRST.hanging + FIRST.failing) return behaviours.status(500);
  return behaviours.slow(FIRST.delayMs);
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`;
}
