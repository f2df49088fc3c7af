import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { createAlbum, upload } from "../support/album.ts";
import { startFakeProvider, type FakeProvider } from "../support/fake-provider.ts";
import { createDataDir, startServer, type Settings } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { createModelDir, type ModelDir } from "../workers/fixtures/model-dir.ts";

const WARM_UP = 500;
const UPLOADS = 1_500;
const CLIENTS = 16;
/** Caches and buffers take some; a leak of one decoded picture per upload would take half as much again. */
const MAX_GROWTH_BYTES = 100_000_000;
const newPhoto = await createAlbum(192);

let provider: FakeProvider;
let models: ModelDir;

beforeAll(async () => {
  provider = startFakeProvider({ keepRequests: 0 });
  models = await createModelDir(32);
});
afterAll(async () => {
  await provider.stop();
  await models[Symbol.asyncDispose]();
});

async function uploadMany(url: string, count: number): Promise<void> {
  let left = count;
  const client = async () => {
    while (left-- > 0) expect((await upload(url, newPhoto())).status).toBe(200);
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}

/** Linux: proc(5). */
async function residentBytes(pid: number): Promise<number> {
  const status = await Bun.file(`/proc/${pid}/status`).text();
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1_024;
}

async function openHandles(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length;
}

for (const mode of ["local-only", "llm-first"] as const) {
  test.skipIf(process.platform !== "linux")(
    `${mode}: thousands of photos leave memory and handles as they were`,
    async () => {
      await using dir = await createDataDir();
      const settings: Settings = {
        INFERENCE: mode,
        LLM_BASE_URL: provider.baseUrl,
        LOCAL_MODEL: "tiny",
        MODELS_DIR: models.path,
      };
      await using server = await startServer(dir.path, settings);
      await uploadMany(server.url, WARM_UP);
      const warm = await residentBytes(server.pid);
      const handles = await openHandles(server.pid);
      await uploadMany(server.url, UPLOADS);
      await waitFor("memory is what it was", async () => {
        const resident = await residentBytes(server.pid);
        return resident < warm + MAX_GROWTH_BYTES;
      });
      await waitFor(
        "no more handles than before",
        async () => (await openHandles(server.pid)) <= handles + CLIENTS,
      );
      expect(await server.stop()).toBe(0);
    },
    120_000,
  );
}
