import { expect, test } from "bun:test";
import { join } from "node:path";
import { behaviours } from "../support/fake-provider.ts";
import { openHarness, sha256 } from "../support/harness.ts";
import { animation, drawPhoto } from "../support/pictures.ts";
import { openTemporaryFolder } from "../support/temporary-folder.ts";
import { waitFor } from "../support/wait-for.ts";

const small = { width: 64, height: 48 };

test("what was known is known after a restart, in memory from the start", async () => {
  using folder = openTemporaryFolder();
  const env = { DATA_DIR: folder.path };
  const photo = await drawPhoto({ seed: 91, ...small });
  const claimed = sha256("the original");
  {
    await using before = await openHarness({ env });
    await before.upload(photo, { user: "ann", hash: claimed });
  }
  await using after = await openHarness({ env });
  const { body, headers } = await after.checkCache(sha256(photo));
  expect(body.data.category).toBe("foods");
  expect(headers.get("cache-status")).toBe("onceover; hit; detail=memory");
  expect((await after.checkCache(claimed, "ann")).body.cached).toBe(true);
  expect((await after.checkCache(claimed, "ben")).body.cached).toBe(false);
  expect((await after.upload(photo)).body.from_cache).toBe(true);
  expect(after.provider.calls.count).toBe(0);
});

test("what was journaled without a database is in the database after a restart with one", async () => {
  using folder = openTemporaryFolder();
  const photo = await drawPhoto({ seed: 92, ...small });
  const env = { DATA_DIR: folder.path };
  {
    const DATABASE_URL = "mysql://root@127.0.0.1:1/x";
    await using before = await openHarness({ env: { ...env, DATABASE_URL } });
    await before.upload(photo);
  }
  await using after = await openHarness({ env });
  await waitFor("the replay", async () => {
    return (await after.call("/api/v1/health")).body.details.journal_entries === 0;
  });
  expect((await after.upload(photo)).body.from_cache).toBe(true);
  expect(after.provider.calls.count).toBe(0);
});

test("the local model's word is no longer final once a language model is configured", async () => {
  using folder = openTemporaryFolder();
  const env = { DATA_DIR: folder.path };
  const photo = await animation("gif");
  {
    await using before = await openHarness({ env, provider: null, localModel: true });
    expect((await before.upload(photo)).body.data.provisional).toBe(false);
  }
  {
    await using after = await openHarness({ env, localModel: true });
    expect((await after.checkCache(sha256(photo))).body.data).toMatchObject({
      inference_method: "local",
      provisional: true,
    });
  }
  const only = { ...env, INFERENCE: "llm-only" };
  await using strict = await openHarness({
    env: only,
    provider: behaviours.answer({ category: "pets" }),
  });
  expect((await strict.checkCache(sha256(photo))).body.cached).toBe(false);
  expect((await strict.upload(photo)).body.data).toMatchObject({
    category: "pets",
    provisional: false,
  });
});

test("another profile has a cache of its own", async () => {
  using folder = openTemporaryFolder();
  const photo = await drawPhoto({ seed: 93, ...small });
  const file = join(folder.path, "profile.json");
  await Bun.write(
    file,
    JSON.stringify({
      language: "en",
      categories: [
        { key: "noodles", meaning: "noodles of any kind" },
        { key: "rest", meaning: "anything else" },
      ],
    }),
  );
  const env = { DATA_DIR: folder.path };
  {
    await using before = await openHarness({ env });
    await before.upload(photo);
  }
  const provider = behaviours.answer({ category: "noodles" });
  await using after = await openHarness({ env: { ...env, PROFILE_FILE: file }, provider });
  expect((await after.checkCache(sha256(photo))).body.cached).toBe(false);
  expect((await after.upload(photo)).body.data.category).toBe("noodles");
  expect(after.provider.calls.requests[0]!.prompt).toContain("noodles of any kind");
});
