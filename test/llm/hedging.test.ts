import { describe, expect, test } from "bun:test";
import type { ProviderOptions } from "../../src/llm/open-provider.ts";
import { type Behave, behaviours } from "../support/fake-provider.ts";
import { openChainFixture } from "./chain-fixture.ts";
import { until } from "./language-model-fixture.ts";

const { answer, hang, slow, status } = behaviours;
const USUAL_CALLS = 20;

/** The first provider has shown how long it usually takes when it begins to behave differently. */
async function openUsed(first: Behave, second: Behave, options: Partial<ProviderOptions> = {}) {
  const fixture = openChainFixture([answer(), second], [options, {}], { hedge: true });
  for (let call = 0; call < USUAL_CALLS; call++) await fixture.classify();
  expect(fixture.calls()).toEqual([USUAL_CALLS, 0]);
  fixture.fakes[0]!.behave(first);
  return fixture;
}

describe("hedging", () => {
  test("waits for nobody when the first provider is slower than its 95th percentile", async () => {
    await using fixture = await openUsed(hang(), answer({ category: "pets" }));
    const startedAt = performance.now();
    const outcome = await fixture.classify();
    expect(outcome).toMatchObject({ ok: true, value: { provider: "fake-2", category: "pets" } });
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    expect(fixture.calls()).toEqual([USUAL_CALLS + 1, 1]);
  });

  test("cancels the loser, accounts for both, and holds nothing against the loser", async () => {
    await using fixture = await openUsed(hang(), answer());
    await fixture.classify();
    await until(() => fixture.fakes[0]!.calls.aborted === 1);
    await until(() => fixture.budget.settled.length === USUAL_CALLS + 2);
    // What the loser's usual call costs, since it may have done the work.
    expect(fixture.budget.settled.slice(-2)).toEqual([
      { sent: true, costMicros: 930 },
      { sent: true, costMicros: 930 },
    ]);
    expect(fixture.chain.providers()[0]!.circuit).toBe("closed");
  });

  test("does not take a trial that lost the race for a provider that is back", async () => {
    await using fixture = await openUsed(status(401), answer(), { probeIntervalMs: 10 });
    const [first] = fixture.providers;
    fixture.fakes[0]!.behaveToProbes(status(503));
    await fixture.classify();
    expect(first!.state().circuit).toBe("open");
    fixture.fakes[0]!.behave(hang());
    fixture.fakes[0]!.behaveToProbes(status(200));
    await until(() => first!.state().circuit === "half_open");
    fixture.fakes[0]!.behaveToProbes(status(503));
    expect(await fixture.classify()).toMatchObject({ ok: true, value: { provider: "fake-2" } });
    await until(() => first!.state().circuit === "open");
  });

  test("takes the first provider's answer when that comes before the second's", async () => {
    await using fixture = await openUsed(slow(300), hang());
    expect(await fixture.classify()).toMatchObject({ ok: true, value: { provider: "fake-1" } });
    expect(fixture.calls()).toEqual([USUAL_CALLS + 1, 1]);
    await until(() => fixture.fakes[1]!.calls.aborted === 1);
  });

  test("waits for the other call when one fails", async () => {
    await using fixture = await openUsed(slow(200), status(400));
    expect(await fixture.classify()).toMatchObject({ ok: true, value: { provider: "fake-1" } });
  });

  test("fails with what both said, by the deadline", async () => {
    await using fixture = await openUsed(hang(), status(400));
    const startedAt = performance.now();
    const outcome = await fixture.classify(600);
    expect(outcome).toMatchObject({ ok: false });
    expect(!outcome.ok && outcome.detail).toContain("fake-2: HTTP 400");
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  test("asks nobody else while the budget does not allow it", async () => {
    await using fixture = await openUsed(slow(200), answer());
    fixture.budget.limit = fixture.budget.reserved + 1;
    expect(await fixture.classify()).toMatchObject({ ok: true, value: { provider: "fake-1" } });
    expect(fixture.calls()).toEqual([USUAL_CALLS + 1, 0]);
  });

  test("is not done before twenty calls, nor where it is off", async () => {
    await using early = openChainFixture([slow(100), answer()], [], { hedge: true });
    await early.classify();
    expect(early.calls()).toEqual([1, 0]);

    await using off = openChainFixture([answer(), answer()]);
    for (let call = 0; call < USUAL_CALLS; call++) await off.classify();
    off.fakes[0]!.behave(slow(200));
    await off.classify();
    expect(off.calls()).toEqual([USUAL_CALLS + 1, 0]);
  });
});
