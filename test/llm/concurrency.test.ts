import { expect, test } from "bun:test";
import { behaviours } from "../support/fake-provider.ts";
import { openFixture, until } from "./language-model-fixture.ts";

test("1,000 calls at once go through eight slots and are all answered", async () => {
  await using fixture = openFixture(behaviours.slow(1), { concurrency: 8, maxQueued: 1_000 });
  const outcomes = await Promise.all(Array.from({ length: 1_000 }, () => fixture.classify(60_000)));
  expect(outcomes.every(({ ok }) => ok)).toBe(true);
  expect(fixture.provider.calls.count).toBe(1_000);
  expect(fixture.provider.calls.maxInFlight).toBeWithin(2, 9);
}, 60_000);

test("what does not fit in the queue fails at once as overloaded", async () => {
  await using fixture = openFixture(behaviours.slow(100), { concurrency: 2, maxQueued: 3 });
  const outcomes = await Promise.all(Array.from({ length: 9 }, () => fixture.classify()));
  const reasons = outcomes.map((outcome) => (outcome.ok ? "ok" : outcome.reason));
  expect(reasons.filter((reason) => reason === "ok")).toHaveLength(5);
  expect(reasons.filter((reason) => reason === "overloaded")).toHaveLength(4);
  expect(fixture.provider.calls).toMatchObject({ count: 5, maxInFlight: 2 });
});

test("a call that fails or runs out of time gives its slot back", async () => {
  await using fixture = openFixture(
    (_call, index) => [behaviours.hang(), behaviours.status(400)][index] ?? behaviours.answer(),
    { concurrency: 1 },
  );
  expect(await fixture.classify(50)).toMatchObject({ reason: "timeout" });
  expect(await fixture.classify()).toMatchObject({ reason: "rejected" });
  expect((await fixture.classify()).ok).toBe(true);
});

test("a call that waits for its retry leaves its slot to others", async () => {
  await using fixture = openFixture(
    (_call, index) => (index === 0 ? behaviours.status(503) : behaviours.answer()),
    { concurrency: 1, backoffBaseMs: 1_000 },
  );
  const order: string[] = [];
  const first = fixture.classify().then(({ ok }) => order.push(`first ${ok}`));
  await until(() => fixture.provider.calls.count === 1);
  await fixture.classify().then(({ ok }) => order.push(`second ${ok}`));
  await first;
  expect(order).toEqual(["second true", "first true"]);
});

test("a call whose minute is nearly over waits for its turn", async () => {
  let skewMs = 0;
  await using fixture = openFixture(behaviours.answer(), {
    concurrency: 1,
    requestsPerMinute: 1,
    clock: () => Date.now() + skewMs,
  });
  expect(fixture.model.spareCapacity()).toBe(1);
  expect((await fixture.classify()).ok).toBe(true);
  expect(fixture.model.spareCapacity()).toBe(0);
  expect(await fixture.classify()).toMatchObject({ ok: false, reason: "overloaded" });
  skewMs = 59_800;
  expect((await fixture.classify(120_000)).ok).toBe(true);
  expect(fixture.provider.calls.count).toBe(2);
});

test("a Retry-After holds for calls that wait for a slot, too", async () => {
  await using fixture = openFixture(behaviours.status(429, { retryAfter: "60" }), {
    concurrency: 1,
  });
  const outcomes = await Promise.all(Array.from({ length: 5 }, () => fixture.classify()));
  for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: "rate_limited" });
  expect(fixture.provider.calls.count).toBe(1);
});

test("calls that died in the queue are never sent", async () => {
  await using fixture = openFixture(
    (_call, index) => (index === 0 ? behaviours.slow(200) : behaviours.answer()),
    { concurrency: 1 },
  );
  const first = fixture.classify();
  await until(() => fixture.provider.calls.count === 1);
  const dead = await Promise.all(Array.from({ length: 20 }, () => fixture.classify(20)));
  expect(dead.every((outcome) => !outcome.ok && outcome.reason === "timeout")).toBe(true);
  expect((await first).ok).toBe(true);
  expect((await fixture.classify()).ok).toBe(true);
  expect(fixture.provider.calls.count).toBe(2);
});

test("whatever 400 calls meet, each settles in time and every slot and socket comes back", async () => {
  const moods = [
    behaviours.answer(),
    behaviours.slow(5),
    behaviours.hang(),
    behaviours.status(500),
    behaviours.status(429, { retryAfter: "0" }),
    behaviours.cutBeforeAnswer(),
    behaviours.cutMidBody(),
    behaviours.drip(1),
    behaviours.flood(),
    behaviours.body("{"),
    behaviours.refusal(),
  ];
  await using fixture = openFixture((_call, index) => moods[index % moods.length]!, {
    maxQueued: 400,
    breakerMinCalls: 10_000,
    timeoutMs: 100,
  });
  const deadlinesMs = Array.from({ length: 400 }, (_, index) => 50 + ((index * 37) % 1_500));
  const delaysMs = await Promise.all(
    deadlinesMs.map(async (withinMs) => {
      const startedAt = performance.now();
      await fixture.classify(withinMs);
      return performance.now() - startedAt - withinMs;
    }),
  );
  expect(Math.max(...delaysMs)).toBeLessThan(1_500);
  expect(fixture.provider.calls.maxInFlight).toBeLessThanOrEqual(16);

  await until(() => fixture.provider.calls.inFlight === 0);
  fixture.provider.behave(behaviours.answer());
  const after = await Promise.all(Array.from({ length: 16 }, () => fixture.classify()));
  expect(after.every(({ ok }) => ok)).toBe(true);
}, 30_000);
