import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { DEFAULT_PROFILE } from "../../src/classification/profile.ts";
import { checkCache, readHealth, sha256, upload } from "../support/album.ts";
import { startFakeProvider, type FakeProvider } from "../support/fake-provider.ts";
import { drawPhoto, drawScreenshot } from "../support/pictures.ts";
import { createDataDir, startServer, type ServerProcess } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const MODELS_DIR = join(import.meta.dir, "../../models");
/** More than it takes to open the provider's circuit. */
const PHOTOS = 12;
/** A probe of the provider every few seconds, then one upgrade run a second. */
const RECOVERY_MS = 30_000;

let provider: FakeProvider;
let dir: Awaited<ReturnType<typeof createDataDir>>;
let server: ServerProcess;

beforeAll(async () => {
  provider = startFakeProvider({ keepRequests: 0 });
  dir = await createDataDir();
  server = await startServer(dir.path, {
    LLM_BASE_URL: provider.baseUrl,
    LLM_MAX_RETRIES: "0",
    MODELS_DIR,
  });
}, 60_000);
afterAll(async () => {
  expect(await server.stop()).toBe(0);
  await provider.stop();
  await dir[Symbol.asyncDispose]();
}, 60_000);

test("the provider goes and comes: the local model stands in, its answers are replaced later", async () => {
  const port = Number(new URL(provider.baseUrl).port);
  await provider.stop();
  const photos = await Promise.all([
    drawScreenshot(),
    ...Array.from({ length: PHOTOS - 1 }, (_, seed) => drawPhoto({ seed })),
  ]);
  const keys = DEFAULT_PROFILE.categories.map(({ key }) => key);
  for (const photo of photos) {
    const { status, answer } = await upload(server.url, photo);
    expect(status).toBe(200);
    expect(answer.data).toMatchObject({ inference_method: "local_fallback", provisional: true });
    expect(keys).toContain(answer.data!.category);
  }
  const hashes = photos.map(sha256);
  for (const hash of hashes) {
    const { answer } = await checkCache(server.url, hash);
    expect(answer).toMatchObject({ cached: true, data: { provisional: true } });
  }
  expect(await readHealth(server.url)).toMatchObject({
    status: "healthy",
    model_api: "degraded",
    details: { upgrades_waiting: PHOTOS },
  });

  provider = startFakeProvider({ port, keepRequests: 0 });
  for (const hash of hashes) {
    await waitFor(
      "the language model's answer replaces the local one",
      async () => {
        const { answer } = await checkCache(server.url, hash);
        expect(answer.cached).toBe(true);
        return answer.data!.inference_method === "llm" && !answer.data!.provisional;
      },
      RECOVERY_MS,
    );
  }
  expect(provider.calls.count).toBe(PHOTOS);
  expect(await readHealth(server.url)).toMatchObject({
    status: "healthy",
    model_api: "available",
    details: { upgrades_waiting: 0 },
  });
});
