import { afterAll, describe, expect, test } from "bun:test";
import { DEFAULT_PROFILE } from "../../src/classification/profile.ts";
import { behaviours } from "../support/fake-provider.ts";
import { createPicture, openFixture, until } from "./language-model-fixture.ts";

/** Timers, two busy cores. */
const SLACK_MS = 400;

const unhandled: unknown[] = [];
const recordUnhandled = (error: unknown) => void unhandled.push(error);
process.on("unhandledRejection", recordUnhandled);
afterAll(() => {
  process.off("unhandledRejection", recordUnhandled);
  expect(unhandled).toEqual([]);
});

describe("a call settles by its deadline", () => {
  test.each([
    ["hang", behaviours.hang()],
    ["drip", behaviours.drip(50)],
    ["slow", behaviours.slow(60_000)],
  ])("when the provider does this: %s", async (_name, behaviour) => {
    await using fixture = openFixture(behaviour, { timeoutMs: 60_000 });
    const startedAt = Date.now();
    expect(await fixture.classify(150)).toMatchObject({ ok: false, reason: "timeout" });
    expect(Date.now() - startedAt).toBeWithin(140, 150 + SLACK_MS);
    // The socket is released: the provider sees its client go.
    await until(() => fixture.provider.calls.aborted === 1);
  });

  test("when it waits in the queue behind calls that hang", async () => {
    await using fixture = openFixture(behaviours.hang(), { concurrency: 1, timeoutMs: 60_000 });
    const first = fixture.classify(2_000);
    await until(() => fixture.provider.calls.count === 1);
    const startedAt = Date.now();
    expect(await fixture.classify(100)).toMatchObject({ ok: false, reason: "timeout" });
    expect(Date.now() - startedAt).toBeLessThan(100 + SLACK_MS);
    expect(fixture.provider.calls.count).toBe(1);
    await fixture.model.close();
    expect(await first).toMatchObject({ reason: "unreachable" });
  });

  test("without a call when none is left", async () => {
    await using fixture = openFixture(behaviours.answer());
    expect(await fixture.classify(0)).toMatchObject({ ok: false, reason: "timeout" });
    expect(fixture.provider.calls.count).toBe(0);
  });

  test("and a very distant deadline does not fire at once", async () => {
    await using fixture = openFixture(behaviours.slow(20));
    const outcome = fixture.model.classify(createPicture(), DEFAULT_PROFILE, Infinity);
    expect((await outcome).ok).toBe(true);
  });
});

test("one attempt ends after timeoutMs and is not repeated", async () => {
  await using fixture = openFixture(behaviours.hang(), { timeoutMs: 60 });
  const startedAt = Date.now();
  expect(await fixture.classify()).toMatchObject({ ok: false, reason: "timeout" });
  expect(Date.now() - startedAt).toBeLessThan(60 + SLACK_MS);
  expect(fixture.provider.calls.count).toBe(1);
});

test("close ends calls under way and refuses new ones", async () => {
  await using fixture = openFixture(behaviours.hang());
  const call = fixture.classify();
  await until(() => fixture.provider.calls.count === 1);
  await fixture.model.close();
  expect(await call).toMatchObject({ ok: false, reason: "unreachable", detail: "closed" });
  expect(await fixture.classify()).toMatchObject({ ok: false, reason: "unreachable" });
  expect(fixture.model.isAvailable()).toBe(false);
  await until(() => fixture.provider.calls.aborted === 1);
});
