import { describe, expect, test } from "bun:test";
import { Circuit, type CircuitOptions } from "../../src/llm/circuit.ts";
import { createFailure } from "../../src/llm/failure.ts";
import type { CircuitStatus, ProviderOptions } from "../../src/llm/open-provider.ts";
import type { ReplyOutcome } from "../../src/llm/parse-reply.ts";
import { type Behave, behaviours } from "../support/fake-provider.ts";
import { openFixture, until } from "./language-model-fixture.ts";

function openWatched(behaviour: Behave, options: Partial<ProviderOptions> = {}) {
  const moves: CircuitStatus["circuit"][] = [];
  const fixture = openFixture(behaviour, {
    breakerMinCalls: 3,
    maxRetries: 0,
    probeIntervalMs: 10,
    onStateChange: ({ circuit }) => moves.push(circuit),
    ...options,
  });
  return Object.assign(fixture, { moves });
}

async function breakIt(fixture: ReturnType<typeof openWatched>) {
  fixture.provider.behaveToProbes(behaviours.status(503));
  for (let i = 0; i < 3; i++) await fixture.classify();
  expect(fixture.moves).toEqual(["open"]);
}

/** A circuit without a provider behind it. */
function openCircuit(options: Partial<CircuitOptions>): Circuit {
  return new Circuit({
    minCalls: 3,
    probe: async () => "up",
    probeIntervalMs: 60_000,
    onStateChange: () => {},
    clock: Date.now,
    ...options,
  });
}

const refuseKey = (): ReplyOutcome => ({
  ok: false,
  failure: createFailure("unauthorized", "HTTP 401", { breaks: true }),
});

describe("the circuit opens", () => {
  test("when most calls fail, and then answers without a call", async () => {
    await using fixture = openWatched(behaviours.status(500), { probeIntervalMs: 60_000 });
    for (let i = 0; i < 3; i++) await fixture.classify();
    expect(fixture.model.isAvailable()).toBe(false);
    expect(fixture.model.state()).toMatchObject({
      circuit: "open",
      reason: "server_error",
      detail: "HTTP 500: fake 500",
    });
    expect(await fixture.classify()).toMatchObject({ ok: false, reason: "circuit_open" });
    expect(fixture.provider.calls.count).toBe(3);
  });

  test.each([
    ["ten fail in a row", 1, 60],
    // 26 of the last 50: the 38th after the successes is the 26th failure.
    ["more than half of the last fifty fail", 2 / 3, 88],
  ])("when %s, whatever went well before", async (_name, failing, calls) => {
    await using fixture = openWatched(
      (_call, index) =>
        index < 50 || ((index - 50) % 3) / 3 >= failing
          ? behaviours.answer()
          : behaviours.status(500),
      { probeIntervalMs: 60_000, breakerMinCalls: 10 },
    );
    for (let i = 0; i < 100; i++) await fixture.classify();
    expect(fixture.provider.calls.count).toBe(calls);
    expect(fixture.moves).toEqual(["open"]);
  });

  test.each([
    ["fails", behaviours.status(500)],
    ["hangs", behaviours.hang()],
  ])("soon in a burst that %s as a whole", async (_name, behaviour) => {
    await using fixture = openWatched(behaviour, {
      concurrency: 64,
      maxQueued: 300,
      breakerMinCalls: 10,
      timeoutMs: 300,
      probeIntervalMs: 60_000,
    });
    await Promise.all(Array.from({ length: 300 }, () => fixture.classify()));
    expect(fixture.moves).toEqual(["open"]);
    // Those that had begun by then, and not many more.
    expect(fixture.provider.calls.count).toBeLessThanOrEqual(128);
  });

  test("amid the retries of one call, which reports what it met itself", async () => {
    await using fixture = openWatched(behaviours.status(503), {
      maxRetries: 9,
      probeIntervalMs: 60_000,
    });
    expect(await fixture.classify()).toMatchObject({ reason: "server_error" });
    expect(fixture.provider.calls.count).toBe(3);
  });

  test.each([401, 403])("at once on %i", async (status) => {
    await using fixture = openWatched(behaviours.status(status), { probeIntervalMs: 60_000 });
    expect(await fixture.classify()).toMatchObject({ reason: "unauthorized" });
    expect(fixture.model.isAvailable()).toBe(false);
  });

  test("on a provider that hangs", async () => {
    await using fixture = openWatched(behaviours.hang(), { timeoutMs: 20, breakerMinCalls: 1 });
    fixture.provider.behaveToProbes(behaviours.status(503));
    await fixture.classify();
    expect(fixture.moves).toEqual(["open"]);
  });
});

describe("the circuit stays closed", () => {
  test.each([
    ["refusals", behaviours.refusal()],
    ["nonsense", behaviours.content("nonsense")],
    ["rejected pictures", behaviours.status(400)],
  ])("over %s, which a picture can provoke", async (_name, behaviour) => {
    await using fixture = openWatched(behaviour);
    for (let i = 0; i < 6; i++) await fixture.classify();
    expect(fixture.moves).toEqual([]);
  });

  test("while no more than half of the last calls fail", async () => {
    await using fixture = openWatched((_call, index) =>
      index % 2 === 0 ? behaviours.answer() : behaviours.status(500),
    );
    for (let i = 0; i < 30; i++) await fixture.classify();
    expect(fixture.moves).toEqual([]);
  });

  test("while a third of a burst fails, although failures are back before any answer", async () => {
    await using fixture = openWatched(
      (_call, index) => ((index * 37) % 100 < 33 ? behaviours.status(500) : behaviours.slow(150)),
      { concurrency: 64, maxQueued: 300, breakerMinCalls: 10 },
    );
    await Promise.all(Array.from({ length: 300 }, () => fixture.classify()));
    expect(fixture.moves).toEqual([]);
    expect(fixture.provider.calls.count).toBe(300);
  });

  test.each([
    ["first to last", (failing: number[]) => failing],
    ["last to first", (failing: number[]) => failing.toReversed()],
  ])("while a third of a burst fails, and the failures are back %s", async (_order, arrange) => {
    const moves: string[] = [];
    const circuit = openCircuit({
      minCalls: 10,
      onStateChange: (status) => moves.push(status.circuit),
    });
    const replies = Array.from({ length: 60 }, () => Promise.withResolvers<ReplyOutcome>());
    const calls = replies.map(({ promise }) => circuit.execute(() => promise));
    const failing = replies.keys().filter((index) => index % 3 === 0);
    for (const index of arrange([...failing])) {
      const failure = createFailure("server_error", "HTTP 500", { breaks: true });
      replies[index]!.resolve({ ok: false, failure });
      await calls[index];
    }
    expect(moves).toEqual([]);
    await circuit.close();
  });

  test("over failures of fewer calls than say anything", async () => {
    await using fixture = openWatched(behaviours.status(500), { breakerMinCalls: 10 });
    for (let i = 0; i < 9; i++) await fixture.classify();
    expect(fixture.moves).toEqual([]);
  });

  test("over callers who left the provider no time", async () => {
    await using fixture = openWatched(behaviours.hang(), { timeoutMs: 5_000 });
    await Promise.all(Array.from({ length: 5 }, () => fixture.classify(20)));
    expect(fixture.moves).toEqual([]);
  });
});

describe("the way back", () => {
  test("is found by a probe that is no chat completion, without any caller", async () => {
    await using fixture = openWatched(behaviours.status(500));
    await breakIt(fixture);
    await until(() => fixture.provider.calls.probes >= 3);
    expect(fixture.model.isAvailable()).toBe(false);

    fixture.provider.behaveToProbes(behaviours.status(200));
    await until(() => fixture.model.isAvailable());
    expect(fixture.model.state()).toMatchObject({ circuit: "half_open" });
    expect(fixture.provider.calls.count).toBe(3);

    fixture.provider.behave(behaviours.answer());
    expect((await fixture.classify()).ok).toBe(true);
    expect(fixture.moves).toEqual(["open", "half_open", "closed"]);
    expect(fixture.model.state().reason).toBeNull();
  });

  test("is not lost to calls that began before the circuit opened and end amid the trial", async () => {
    const circuit = openCircuit({ probeIntervalMs: 1 });
    const [oldReply, trialReply] = [1, 2].map(() => Promise.withResolvers<ReplyOutcome>());
    const old = circuit.execute(() => oldReply!.promise);
    await circuit.execute(async () => refuseKey());
    await until(() => circuit.status.circuit === "half_open");
    const trial = circuit.execute(() => trialReply!.promise);
    oldReply!.resolve(refuseKey());
    await old;
    trialReply!.resolve({ ok: true, value: { category: "pets", confidence: 1, description: "" } });
    await trial;
    expect(circuit.status.circuit).toBe("closed");
    await circuit.close();
  });

  test("ends when the trial call gets no answer, however short its time was", async () => {
    await using fixture = openWatched(behaviours.status(500));
    await breakIt(fixture);
    fixture.provider.behaveToProbes(behaviours.status(200));
    fixture.provider.behave(behaviours.hang());
    await until(() => fixture.model.isAvailable());
    await fixture.classify(20);
    await until(() => fixture.moves.length > 2);
    expect(fixture.moves.slice(0, 3)).toEqual(["open", "half_open", "open"]);
  });

  test("ends when the trial call fails, and is found again", async () => {
    await using fixture = openWatched(behaviours.status(500));
    await breakIt(fixture);
    fixture.provider.behaveToProbes(behaviours.status(200));
    await until(() => fixture.model.isAvailable());
    expect(await fixture.classify()).toMatchObject({ reason: "server_error" });
    await until(() => fixture.model.isAvailable());
    expect(fixture.moves).toEqual(["open", "half_open", "open", "half_open"]);
  });

  test("takes one call at a time while half open", async () => {
    await using fixture = openWatched(behaviours.status(500));
    await breakIt(fixture);
    fixture.provider.behaveToProbes(behaviours.status(200));
    fixture.provider.behave(behaviours.slow(50));
    await until(() => fixture.model.isAvailable());
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => fixture.classify()));
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1);
    expect(fixture.provider.calls.count).toBe(4);
    expect((await fixture.classify()).ok).toBe(true);
  });

  test.each([204, 404, 405, 401])("is open when the probe says %i", async (status) => {
    await using fixture = openWatched(behaviours.status(500));
    await breakIt(fixture);
    fixture.provider.behaveToProbes(behaviours.status(status));
    await until(() => fixture.model.isAvailable());
  });

  test.each([401, 403, 429, 500])(
    "is not, after a refused key, when the probe says %i",
    async (status) => {
      await using fixture = openWatched(behaviours.status(401));
      fixture.provider.behaveToProbes(behaviours.status(status));
      await fixture.classify();
      await until(() => fixture.provider.calls.probes >= 4);
      expect(fixture.moves).toEqual(["open"]);
    },
  );

  test("is not, after a refused key, although a call that began before ends otherwise", async () => {
    await using fixture = openWatched(
      (_call, index) => (index === 0 ? behaviours.hang() : behaviours.status(401)),
      { timeoutMs: 200 },
    );
    fixture.provider.behaveToProbes(behaviours.status(401));
    const slow = fixture.classify();
    await until(() => fixture.provider.calls.count === 1);
    await Promise.all([slow, fixture.classify()]);
    const { probes } = fixture.provider.calls;
    await until(() => fixture.provider.calls.probes >= probes + 3);
    expect(fixture.moves).toEqual(["open"]);
  });

  test("is tried after five minutes in any case", async () => {
    let skewMs = 0;
    await using fixture = openWatched(behaviours.status(401), {
      clock: () => Date.now() + skewMs,
    });
    fixture.provider.behaveToProbes(behaviours.status(401));
    await fixture.classify();
    skewMs = 300_000;
    await until(() => fixture.model.isAvailable());
  });

  test("is looked for by one probe at a time, and no longer after close", async () => {
    await using metronome = openWatched(behaviours.status(401));
    await using fixture = openWatched(behaviours.status(401), { timeoutMs: 60_000 });
    metronome.provider.behaveToProbes(behaviours.status(401));
    fixture.provider.behaveToProbes(behaviours.hang());
    await Promise.all([metronome.classify(), fixture.classify()]);
    await until(() => fixture.provider.calls.probes === 1);
    await until(() => metronome.provider.calls.probes >= 5);
    expect(fixture.provider.calls.probes).toBe(1);

    await fixture.model.close();
    const beats = metronome.provider.calls.probes;
    await until(() => metronome.provider.calls.probes >= beats + 4);
    expect(fixture.provider.calls.probes).toBe(1);
  });
});
