import { expect, test } from "bun:test";
import { callerOf, openDomain, photo } from "../../test/support/domain.ts";
import { identify } from "./identity.ts";
import { createPurgePhoto } from "./purge-photo.ts";

const ann = callerOf("ann");
const FOODS = 3;
const live = new AbortController().signal;

async function openPurge() {
  const domain = await openDomain();
  const { time } = domain;
  const purge = createPurgePhoto({ ...domain, sharedTier: null, clock: () => time.now });
  const dispose = () => domain[Symbol.asyncDispose]();
  return { domain, purge, [Symbol.asyncDispose]: dispose };
}

test("a purged photo is gone from memory and database at once", async () => {
  await using opened = await openPurge();
  const { domain, purge } = opened;
  const { digest } = await domain.upload(photo(FOODS), ann);
  domain.time.now++;
  expect(await purge(digest)).toMatchObject({ ok: true, value: { results: 1, pictures: 0 } });
  expect((await domain.ask(digest, ann)).match).toBeNull();
  await domain.upload(photo(FOODS), ann);
  expect((await domain.ask(digest, ann)).tier).toBe("memory");
});

test("what waits in a journal does not come back", async () => {
  await using opened = await openPurge();
  const { domain, purge } = opened;
  const { digest } = identify(photo(FOODS));
  domain.outage.isDown = true;
  const { saved } = await domain.upload(photo(FOODS), ann);
  expect(saved).toBe("journaled");
  domain.time.now++;
  expect(await purge(digest)).toMatchObject({ ok: false, reason: "unavailable" });

  domain.outage.isDown = false;
  expect(await purge(digest)).toMatchObject({ ok: true, value: { results: 0 } });
  expect(await domain.sink.replay(live)).toBe(1);
  expect(domain.journal.count()).toBe(0);
  expect((await domain.ask(digest, ann)).match).toBeNull();
});
