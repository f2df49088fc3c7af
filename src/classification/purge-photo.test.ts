import { expect, test } from "bun:test";
import { callerOf, type DomainOptions, openDomain, photo } from "../../test/support/domain.ts";
import { identify } from "./identity.ts";
import { createPurgePhoto } from "./purge-photo.ts";

const ann = callerOf("ann");
const FOODS = 3;
const live = new AbortController().signal;

async function openPurge(options: DomainOptions = {}) {
  const domain = await openDomain(options);
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

test("what is being made of it is not kept either", async () => {
  const asked = Promise.withResolvers<void>();
  const answers = Promise.withResolvers<void>();
  const pause = async (step: string) => {
    if (step !== "model.classify") return;
    asked.resolve();
    await answers.promise;
  };
  await using opened = await openPurge({ pause });
  const { domain, purge } = opened;
  const upload = domain.upload(photo(FOODS), ann);
  await asked.promise;
  domain.time.now++;
  const { digest } = identify(photo(FOODS));
  expect(await purge(digest)).toMatchObject({ ok: true });
  answers.resolve();
  expect((await upload).classification.category).toBe("foods");
  expect((await domain.ask(digest, ann)).match).toBeNull();
});
