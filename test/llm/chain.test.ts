import { describe, expect, test } from "bun:test";
import { behaviours } from "../support/fake-provider.ts";
import { openChainFixture } from "./chain-fixture.ts";
import { until } from "./language-model-fixture.ts";

const { answer, hang, refusal, status } = behaviours;

describe("a chain", () => {
  test("asks the first provider alone while it answers, and says who it was and what it took", async () => {
    await using fixture = openChainFixture([answer({ category: "pets" }), answer()]);
    expect(await fixture.classify()).toMatchObject({
      ok: true,
      value: {
        category: "pets",
        provider: "fake-1",
        model: "vision-1",
        usage: { inputTokens: 850, outputTokens: 40 },
        costMicros: 930,
      },
    });
    expect(fixture.calls()).toEqual([1, 0]);
  });

  test.each([
    ["refusal", refusal(), 1],
    ["rejection", status(400), 1],
    ["refused key", status(401), 1],
    ["nonsense", behaviours.content("nonsense"), 2],
    ["outage", status(503), 3],
  ])("goes on to the next after a %s", async (_name, behaviour, calls) => {
    await using fixture = openChainFixture([behaviour, answer()]);
    expect(await fixture.classify()).toMatchObject({ ok: true, value: { provider: "fake-2" } });
    expect(fixture.calls()).toEqual([calls, 1]);
  });

  test("tells what every provider said when none answers", async () => {
    await using fixture = openChainFixture([status(400), refusal()]);
    expect(await fixture.classify()).toEqual({
      ok: false,
      reason: "refused",
      detail: "fake-1: HTTP 400: fake 400; fake-2: the model declined",
    });
  });

  test("shares the time out: providers that hang leave the last one its part", async () => {
    await using fixture = openChainFixture([hang(), hang(), answer()]);
    const startedAt = performance.now();
    expect(await fixture.classify(1_200)).toMatchObject({ value: { provider: "fake-3" } });
    expect(performance.now() - startedAt).toBeWithin(700, 1_200);
    expect(fixture.calls()).toEqual([1, 1, 1]);
    await until(() => fixture.fakes.every(({ calls }) => calls.inFlight === 0));
  });

  test("settles by its deadline when all hang", async () => {
    await using fixture = openChainFixture([hang(), hang()]);
    const startedAt = performance.now();
    expect(await fixture.classify(300)).toMatchObject({ ok: false, reason: "timeout" });
    expect(performance.now() - startedAt).toBeLessThan(700);
  });

  test("passes an open circuit by, and gives its time to the others", async () => {
    await using fixture = openChainFixture([status(401), answer()]);
    await fixture.classify();
    await fixture.classify();
    expect(fixture.calls()).toEqual([1, 2]);
    const [first, second] = fixture.chain.providers();
    expect(first).toMatchObject({ name: "fake-1", circuit: "open", reason: "unauthorized" });
    expect(second).toMatchObject({
      name: "fake-2",
      model: "vision-2",
      circuit: "closed",
      reason: null,
    });
    expect(fixture.chain.isAvailable()).toBe(true);
  });

  test("is not available once every circuit is open, and then asks nobody", async () => {
    await using fixture = openChainFixture([status(401), status(403)]);
    await fixture.classify();
    expect(fixture.chain.isAvailable()).toBe(false);
    expect(fixture.chain.spareCapacity()).toBe(0);
    expect(await fixture.classify()).toEqual({
      ok: false,
      reason: "circuit_open",
      detail: "fake-1: HTTP 401; fake-2: HTTP 403",
    });
    expect(fixture.calls()).toEqual([1, 1]);
  });

  test("goes on at once when a provider's minute is used up or its queue is full", async () => {
    await using paced = openChainFixture([answer(), answer()], [{ requestsPerMinute: 2 }]);
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => paced.classify()));
    expect(outcomes.every(({ ok }) => ok)).toBe(true);
    expect(paced.calls()).toEqual([2, 3]);

    const narrow = { concurrency: 1, maxQueued: 0 };
    await using full = openChainFixture([behaviours.slow(200), answer()], [narrow]);
    await Promise.all(Array.from({ length: 3 }, () => full.classify()));
    expect(full.calls()).toEqual([1, 2]);
  });
});

describe("Retry-After", () => {
  const limited = status(429, { retryAfter: "60" });

  test("holds for every call: a provider that asked for a pause is passed by", async () => {
    await using fixture = openChainFixture([limited, answer()]);
    for (let call = 0; call < 5; call++)
      expect(await fixture.classify()).toMatchObject({ ok: true, value: { provider: "fake-2" } });
    expect(fixture.calls()).toEqual([1, 5]);
    expect(fixture.providers.map((provider) => provider.spareCapacity())).toEqual([0, 64]);
    expect(fixture.chain.spareCapacity()).toBe(0);
  });

  test("is waited for where it fits", async () => {
    await using fixture = openChainFixture([
      (_call, index) => (index === 0 ? status(429, { retryAfter: "1" }) : answer()),
    ]);
    const first = fixture.classify();
    await until(() => fixture.providers[0]!.spareCapacity() === 0);
    const startedAt = performance.now();
    expect((await fixture.classify()).ok).toBe(true);
    expect(performance.now() - startedAt).toBeGreaterThan(500);
    expect((await first).ok).toBe(true);
    expect(fixture.calls()).toEqual([3]);
  });

  test("has a reason of its own when nobody else can answer", async () => {
    await using fixture = openChainFixture([limited]);
    await fixture.classify();
    expect(await fixture.classify()).toMatchObject({
      reason: "rate_limited",
      detail: "fake-1: the provider asked to be left alone",
    });
  });
});

describe("the budget", () => {
  test("is asked before every attempt, retries too, and told what each cost", async () => {
    await using fixture = openChainFixture([status(503), answer()]);
    await fixture.classify();
    expect(fixture.budget.settled).toEqual([
      { sent: true, costMicros: 0 },
      { sent: true, costMicros: 0 },
      { sent: true, costMicros: 0 },
      { sent: true, costMicros: 930 },
    ]);
  });

  test("ends the chain when it is used up, and opens no circuit", async () => {
    await using fixture = openChainFixture([answer(), answer()]);
    fixture.budget.limit = 0;
    expect(await fixture.classify()).toMatchObject({ ok: false, reason: "over_budget" });
    expect(fixture.calls()).toEqual([0, 0]);
    expect(fixture.chain.isAvailable()).toBe(true);
  });

  test("ends a call amid its retries", async () => {
    await using fixture = openChainFixture([status(503), answer()]);
    fixture.budget.limit = 2;
    expect(await fixture.classify()).toMatchObject({ ok: false, reason: "over_budget" });
    expect(fixture.calls()).toEqual([2, 0]);
  });

  test("gets a call back that never reached its provider", async () => {
    await using fixture = openChainFixture([answer(), answer()]);
    await fixture.fakes[0]!.stop();
    expect((await fixture.classify()).ok).toBe(true);
    expect(fixture.budget.settled.slice(0, -1).every(({ sent }) => !sent)).toBe(true);
    expect(fixture.budget.settled.at(-1)).toEqual({ sent: true, costMicros: 930 });
  });

  test("is charged for what a hung or cut call may cost", async () => {
    await using fixture = openChainFixture(
      [hang(), behaviours.cutMidBody()],
      [{ timeoutMs: 100 }, { maxRetries: 0 }],
    );
    await fixture.classify();
    expect(fixture.budget.settled).toEqual([
      { sent: true, costMicros: 1_700 },
      { sent: true, costMicros: 1_700 },
    ]);
  });

  test("is charged for nonsense by its tokens, and by the call where it has none", async () => {
    const tokens = behaviours.content("nonsense");
    await using fixture = openChainFixture([tokens, behaviours.emptyChoices()]);
    await fixture.classify();
    expect(fixture.budget.settled.map(({ costMicros }) => costMicros)).toEqual([
      930, 930, 5_000, 5_000,
    ]);
  });

  test("that answers after the deadline is given its call back", async () => {
    await using fixture = openChainFixture([answer()]);
    const late = Promise.withResolvers<void>();
    const { reserve } = fixture.budget;
    fixture.budget.reserve = async () => {
      await late.promise;
      return reserve.call(fixture.budget);
    };
    expect(await fixture.classify(50)).toMatchObject({ ok: false, reason: "timeout" });
    late.resolve();
    await until(() => fixture.budget.settled.length === 1);
    expect(fixture.budget.settled).toEqual([{ sent: false, costMicros: 0 }]);
    expect(fixture.calls()).toEqual([0]);
  });
});

describe("pictures", () => {
  test("are made in one smaller size, once, for the providers that want it", async () => {
    let shrunk = 0;
    const shrink = async (jpeg: Uint8Array, maxSide: number) => {
      shrunk++;
      expect(maxSide).toBe(512);
      return { ok: true as const, value: jpeg.subarray(0, 100) };
    };
    const small = { maxSide: 512 };
    const behaviour = [refusal(), refusal(), answer()];
    await using fixture = openChainFixture(behaviour, [small, {}, small], { shrink });
    expect((await fixture.classify()).ok).toBe(true);
    const sizes = fixture.fakes.map(({ calls }) => calls.requests[0]!.picture!.bytes.length);
    expect(sizes).toEqual([100, 20_000, 100]);
    expect(shrunk).toBe(1);
  });

  test("are sent as they are when they cannot be shrunk, or not in time", async () => {
    const small = { maxSide: 512 };
    const failing = {
      shrink: async () => ({ ok: false as const, reason: "overloaded", detail: "" }),
    };
    await using failed = openChainFixture([answer(), answer()], [small], failing);
    expect((await failed.classify()).ok).toBe(true);

    const never = { shrink: () => new Promise<never>(() => {}) };
    await using stuck = openChainFixture([answer(), answer()], [small], never);
    expect(await stuck.classify(300)).toMatchObject({ ok: true, value: { provider: "fake-2" } });
  });
});
