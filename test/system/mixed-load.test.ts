import { expect, test } from "bun:test";
import { checkCache, createAlbum, sha256, upload } from "../support/album.ts";
import { behaviours, startFakeProvider } from "../support/fake-provider.ts";
import { createDataDir, startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const NEW_PHOTOS = 96;
const CONCURRENCY = 32;
const KNOWN_PHOTOS = 50;
const PROVIDER_MS = 1_500;

test("known photos are answered while new ones queue for a slow provider, which is kept busy", async () => {
  const newPhoto = await createAlbum();
  await using stack = new AsyncDisposableStack();
  const provider = startFakeProvider({ keepRequests: 0 });
  stack.defer(() => provider.stop());
  const dir = stack.use(await createDataDir());
  const server = stack.use(
    await startServer(dir.path, {
      LLM_BASE_URL: provider.baseUrl,
      LLM_CONCURRENCY: String(CONCURRENCY),
      LOCAL_MODEL: "none",
    }),
  );
  const known = Array.from({ length: KNOWN_PHOTOS }, newPhoto);
  await Promise.all(known.map((photo) => upload(server.url, photo)));

  provider.behave(behaviours.slow(PROVIDER_MS));
  let answered = 0;
  const uploads = Array.from({ length: NEW_PHOTOS }, async () => {
    const { status } = await upload(server.url, newPhoto());
    answered++;
    return status;
  });
  await waitFor("all places are taken", () => provider.calls.inFlight === CONCURRENCY);
  const hits = await Promise.all(known.map((photo) => checkCache(server.url, sha256(photo))));
  expect(hits.every(({ answer }) => answer.cached)).toBe(true);
  expect(answered).toBeLessThan(NEW_PHOTOS);

  expect(new Set(await Promise.all(uploads))).toEqual(new Set([200]));
  expect(provider.calls.maxInFlight).toBe(CONCURRENCY);
  expect(provider.calls.count).toBe(KNOWN_PHOTOS + NEW_PHOTOS);
}, 60_000);
