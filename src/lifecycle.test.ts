import { describe, expect, test } from "bun:test";
import { createLifecycle, sleep, startLoop, untilAborted } from "./lifecycle.ts";

function open() {
  const reports: [string, unknown][] = [];
  const closed: string[] = [];
  const lifecycle = createLifecycle((name, error) => reports.push([name, error]));
  return { lifecycle, reports, closed };
}

describe("closing", () => {
  test("goes last in, first out, one after the other", async () => {
    const { lifecycle, closed } = open();
    for (const name of ["store", "pool", "server"]) {
      lifecycle.onClose(name, async () => {
        closed.push(`${name} begins`);
        await Promise.resolve();
        closed.push(`${name} ends`);
      });
    }
    expect(await lifecycle.close(1_000)).toEqual([]);
    const order = ["server begins", "server ends", "pool begins", "pool ends"];
    expect(closed).toEqual([...order, "store begins", "store ends"]);
  });

  test("happens once, however often it is asked for", async () => {
    const { lifecycle, closed } = open();
    lifecycle.onClose("store", () => void closed.push("store"));
    await Promise.all([lifecycle.close(1_000), lifecycle.close(1_000)]);
    await lifecycle.close(1_000);
    expect(closed).toEqual(["store"]);
  });

  test("goes on after a part that throws or rejects, and names it", async () => {
    const { lifecycle, closed, reports } = open();
    lifecycle.onClose("store", () => void closed.push("store"));
    lifecycle.onClose("pool", () => Promise.reject(new Error("stuck")));
    lifecycle.onClose("server", () => {
      throw new Error("broken");
    });
    expect(await lifecycle.close(1_000)).toEqual(["server", "pool"]);
    expect(closed).toEqual(["store"]);
    expect(reports.map(([name, error]) => [name, String(error)])).toEqual([
      ["server", "Error: broken"],
      ["pool", "Error: stuck"],
    ]);
  });

  test("gives up at the deadline and names what did not close", async () => {
    const { lifecycle, closed } = open();
    lifecycle.onClose("store", () => void closed.push("store"));
    lifecycle.onClose("pool", () => new Promise<void>(() => {}));
    lifecycle.onClose("server", () => void closed.push("server"));
    expect(await lifecycle.close(20)).toEqual(["pool", "store"]);
    expect(closed).toEqual(["server"]);
  });
});

describe("a loop", () => {
  test("never runs twice at a time, and stop waits for the run under way", async () => {
    let running = 0;
    let most = 0;
    let runs = 0;
    const third = Promise.withResolvers<void>();
    const loop = startLoop({
      name: "counting",
      intervalMs: 0,
      onError: () => {},
      async run() {
        most = Math.max(most, ++running);
        await Promise.resolve();
        running--;
        if (++runs === 3) third.resolve();
      },
    });
    await third.promise;
    await loop.stop();
    expect([most, running]).toEqual([1, 0]);
    const runsAtStop = runs;
    await new Promise((resolve) => setImmediate(resolve));
    expect(runs).toBe(runsAtStop);
  });

  test("goes on after a failed run and reports it", async () => {
    const reports: string[] = [];
    const enough = Promise.withResolvers<void>();
    const loop = startLoop({
      name: "failing",
      intervalMs: 0,
      onError: (name, error) => {
        reports.push(`${name}: ${String(error)}`);
        if (reports.length === 2) enough.resolve();
      },
      run: () => Promise.reject(new Error("no")),
    });
    await enough.promise;
    await loop.stop();
    expect(reports.slice(0, 2)).toEqual(["failing: Error: no", "failing: Error: no"]);
  });

  test("stops at once in the middle of a long pause, and tells its run by the signal", async () => {
    const begun = Promise.withResolvers<AbortSignal>();
    const run = async (signal: AbortSignal) => begun.resolve(signal);
    const loop = startLoop({ name: "rare", intervalMs: 3_600_000, onError: () => {}, run });
    const signal = await begun.promise;
    expect(signal.aborted).toBe(false);
    await loop.stop();
    expect(signal.aborted).toBe(true);
  });
});

describe("waiting", () => {
  test("sleep ends when the signal aborts, also when it already has", async () => {
    const stopping = new AbortController();
    const sleeping = sleep(3_600_000, stopping.signal);
    stopping.abort();
    await sleeping;
    await sleep(3_600_000, AbortSignal.abort());
  });

  test("untilAborted settles like its work, or rejects with the signal's reason", async () => {
    const { signal } = new AbortController();
    expect(await untilAborted(Promise.resolve(7), signal)).toBe(7);
    expect(untilAborted(Promise.reject(new Error("no")), signal)).rejects.toThrow("no");
    const never = new Promise<never>(() => {});
    const reason = new Error("too late");
    expect(untilAborted(never, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
