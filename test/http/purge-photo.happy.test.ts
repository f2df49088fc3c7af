import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { behaviours } from "../support/fake-provider.ts";
import { ADMIN_TOKEN, openHarness, sha256, type Harness } from "../support/harness.ts";
import { drawPhoto } from "../support/pictures.ts";

const small = { width: 64, height: 48 };

const purge = (harness: Harness, hash: string) =>
  harness.call(`/api/v1/admin/results/${hash}`, {
    method: "DELETE",
    headers: { Authorization: `Bearer ${ADMIN_TOKEN}` },
  });

test("a purged photo is unknown, and classified anew", async () => {
  await using harness = await openHarness();
  const photo = await drawPhoto({ seed: 11, ...small });
  const digest = sha256(photo);
  await harness.upload(photo);
  expect((await harness.checkCache(digest)).body.cached).toBe(true);

  const { status, body } = await purge(harness, digest.toUpperCase());
  expect(status).toBe(200);
  expect(body).toMatchObject({
    success: true,
    image_hash: digest,
    purged: { results: 1, claims: 0, aliases: 0, pictures: 0 },
  });
  expect((await harness.checkCache(digest)).body.cached).toBe(false);

  const again = await harness.upload(photo);
  expect(again.body.from_cache).toBe(false);
  expect(harness.provider.calls.count).toBe(2);
  expect((await harness.checkCache(digest)).headers.get("cache-status")).toContain("memory");
  const line = harness.lines.find((text) => text.includes("photo purged"));
  expect(line).toContain(digest);
  expect(line).toContain(body.request_id);
});

test("a hash that was claimed takes the photos with it", async () => {
  await using harness = await openHarness();
  const photo = await drawPhoto({ seed: 12, ...small });
  const claimed = sha256("the original");
  await harness.upload(photo, { user: "ann", hash: claimed });
  await harness.upload(photo, { user: "bob", hash: claimed });
  expect((await harness.checkCache(claimed, "cid")).body.cached).toBe(true);
  const { body } = await purge(harness, claimed);
  expect(body.purged).toEqual({ results: 1, claims: 2, aliases: 1, pictures: 0 });
  for (const [hash, user] of [
    [claimed, "ann"],
    [claimed, "cid"],
    [sha256(photo), "dan"],
  ] as const)
    expect((await harness.checkCache(hash, user)).body.cached).toBe(false);
});

test("the picture that waited for a better answer goes, too", async () => {
  await using harness = await openHarness({
    provider: behaviours.status(503),
    localModel: true,
  });
  const photo = await drawPhoto({ seed: 13, ...small });
  await harness.upload(photo);
  const { body } = await purge(harness, sha256(photo));
  expect(body.purged).toMatchObject({ results: 1, pictures: 1 });
  for (const name of ["upgrades.db", "upgrades.db-wal"]) {
    const file = join(harness.dataDir, name);
    const jpegStart = Buffer.from([0xff, 0xd8, 0xff]);
    if (existsSync(file)) expect(readFileSync(file).includes(jpegStart)).toBe(false);
  }
});
