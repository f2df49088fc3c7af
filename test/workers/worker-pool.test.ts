import { describe, expect, test } from "bun:test";
import type { LocalModelFailure } from "../../src/classification/ports/local-model.ts";
import type { Outcome } from "../../src/classification/ports/outcome.ts";
import {
  type LoadViews,
  WorkerPool,
  type WorkerPoolOptions,
} from "../../src/inference/worker-pool.ts";
import type { WorkerEvent } from "../../src/inference/worker-slot.ts";
import { BEHAVIOUR } from "./fixtures/behaviour.ts";
import { tinyManifest } from "./fixtures/model-dir.ts";
import { until } from "./fixtures/until.ts";

/** A pool of misbehaving workers, closed when disposed. */
class TestPool extends WorkerPool implements AsyncDisposable {
  readonly events: WorkerEvent[];

  constructor(options: Partial<WorkerPoolOptions> & { name?: string } = {}) {
    const events: WorkerEvent[] = [];
    const manifest = { ...tinyManifest("0".repeat(64)), name: options.name ?? "good" };
    super({
      workers: 1,
      maxQueued: 10,
      taskTimeoutMs: 5000,
      backoffMs: { min: 5, max: 50 },
      workerUrl: new URL("./fixtures/misbehaving-worker.ts", import.meta.url),
      onEvent: (event) => events.push(event),
      open: { type: "open", models: [{ modelsDir: "", manifest }] },
      ...options,
    });
    this.events = events;
  }

  /** Runs a task that makes the worker behave so; answers `ok` or the reason of failure. */
  async behave(behaviour: keyof typeof BEHAVIOUR, waitMs = 5000): Promise<string> {
    return reasonOf(await this.run(pixels(BEHAVIOUR[behaviour]), Date.now() + waitMs));
  }

  count(type: WorkerEvent["type"]): number {
    return this.events.filter((event) => event.type === type).length;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close(100);
  }
}

function pixels(first: number): LoadViews {
  return async () => ({ ok: true, value: [{ model: 0, pixels: Uint8Array.of(first) }] });
}

const loadCorrupt: LoadViews = async () => ({ ok: false, reason: "corrupt", detail: "cut off" });

function reasonOf(outcome: Outcome<unknown, LocalModelFailure>): string {
  return outcome.ok ? "ok" : outcome.reason;
}

describe("tasks", () => {
  test("wait for the first worker to be ready", async () => {
    await using pool = new TestPool();
    expect(pool.stats()).toMatchObject({ workers: 1, ready: 0 });
    const answers = await Promise.all([pool.behave("answer"), pool.behave("answer")]);
    expect(answers).toEqual(["ok", "ok"]);
    expect(pool.stats()).toMatchObject({ ready: 1, completed: 2, failed: 0, restarts: 0 });
  });

  test("beyond the queue are overloaded, the others are answered", async () => {
    await using pool = new TestPool({ maxQueued: 3 });
    const answers = await Promise.all(Array.from({ length: 6 }, () => pool.behave("answer")));
    expect(answers.toSorted()).toEqual([
      "ok",
      "ok",
      "ok",
      "overloaded",
      "overloaded",
      "overloaded",
    ]);
  });

  test("whose picture cannot be loaded never reach a worker", async () => {
    await using pool = new TestPool();
    expect(reasonOf(await pool.run(loadCorrupt, Date.now() + 5000))).toBe("corrupt");
    expect(await pool.behave("answer")).toBe("ok");
  });

  test("that the worker reports as failed leave it running", async () => {
    await using pool = new TestPool();
    expect(await pool.behave("failed")).toBe("worker_crashed");
    expect(await pool.behave("answer")).toBe("ok");
    expect(pool.stats().restarts).toBe(0);
  });

  for (const [workers, loaded] of [
    [1, 1],
    [2, 3],
  ] as const) {
    test(`with ${workers} at work have ${loaded} pictures loaded, no more`, async () => {
      await using pool = new TestPool({ workers });
      await until("all are ready", () => pool.stats().ready === workers);
      let loads = 0;
      const load: LoadViews = () => {
        loads++;
        return pixels(BEHAVIOUR.silent)();
      };
      const tasks = Array.from({ length: 5 }, () => pool.run(load, Date.now() + 300));
      await until("all are at work", () => pool.stats().busy === workers);
      expect(loads).toBe(loaded);
      expect(pool.stats().queued).toBe(5 - workers);
      expect((await Promise.all(tasks)).map(reasonOf)).toEqual(Array(5).fill("timeout"));
    });
  }

  test("end at their deadline while they wait, and leave the queue", async () => {
    await using pool = new TestPool({ name: "mute" });
    expect(await pool.behave("answer", 20)).toBe("timeout");
    expect(await pool.behave("answer", 0)).toBe("timeout");
    expect(pool.stats()).toMatchObject({ queued: 0, busy: 0 });
  });
});

describe("a worker that", () => {
  for (const behaviour of ["loop", "silent"] as const) {
    test(`overruns (${behaviour}) is replaced, its task times out`, async () => {
      await using pool = new TestPool({ taskTimeoutMs: 50 });
      expect(await pool.behave(behaviour)).toBe("timeout");
      expect(await pool.behave("answer")).toBe("ok");
      expect(pool.stats()).toMatchObject({ ready: 1, restarts: 1 });
    });
  }

  for (const behaviour of ["throw", "exit"] as const) {
    test(`crashes (${behaviour}) is replaced, its task fails, the queued one is answered`, async () => {
      await using pool = new TestPool();
      const answers = await Promise.all([pool.behave(behaviour), pool.behave("answer")]);
      expect(answers).toEqual(["worker_crashed", "ok"]);
      expect(pool.count("worker_lost")).toBe(1);
    });
  }

  test("overruns within native code is let out of it before it is ended", async () => {
    await using pool = new TestPool({ taskTimeoutMs: 50 });
    expect(await pool.behave("native")).toBe("timeout");
    expect(pool.count("worker_stuck")).toBe(1);
    expect(await pool.behave("answer")).toBe("ok");
  });

  test("is still busy when its caller's deadline passes is not killed for it", async () => {
    await using pool = new TestPool();
    expect(await pool.behave("answer")).toBe("ok");
    expect(await pool.behave("native", 20)).toBe("timeout");
    expect(await pool.behave("answer")).toBe("ok");
    expect(pool.stats().restarts).toBe(0);
  });

  test("crashes leaves the other worker alone", async () => {
    await using pool = new TestPool({ workers: 2 });
    await until("both are ready", () => pool.stats().ready === 2);
    const answers = await Promise.all([pool.behave("exit"), pool.behave("answer")]);
    expect(answers).toEqual(["worker_crashed", "ok"]);
    await until("the lost one is back", () => pool.stats().ready === 2);
  });
});

describe("workers that never start", () => {
  for (const name of ["broken", "dying", "mute"]) {
    test(`(${name}) fail what waits for them, and what comes, instead of letting it wait`, async () => {
      await using pool = new TestPool({
        name,
        workers: 2,
        readyTimeoutMs: name === "mute" ? 30 : 5000,
      });
      expect(await pool.behave("answer")).toBe("worker_crashed");
      expect(pool.isAvailable()).toBe(false);
      expect(await pool.behave("answer")).toBe("worker_crashed");
      const lost = pool.events.filter((event) => event.type === "worker_lost");
      expect(lost.length).toBeGreaterThanOrEqual(4);
      expect(Math.max(...lost.map(({ restartInMs }) => restartInMs))).toBeLessThanOrEqual(50);
    });
  }
});

describe("close", () => {
  test("finishes what is there, then refuses", async () => {
    await using pool = new TestPool({ workers: 2 });
    const answers = Array.from({ length: 8 }, () => pool.behave("answer"));
    await pool.close(5000);
    expect(await Promise.all(answers)).toEqual(Array(8).fill("ok"));
    expect(await pool.behave("answer")).toBe("closed");
    expect(pool.isAvailable()).toBe(false);
  });

  test("answers what is left at its deadline: waiting, running and endless", async () => {
    await using pool = new TestPool();
    const answers = [pool.behave("loop"), pool.behave("answer"), pool.behave("answer")];
    await until("the first runs", () => pool.stats().busy === 1);
    await pool.close(20);
    expect(await Promise.all(answers)).toEqual(["closed", "closed", "closed"]);
    expect(pool.stats().ready).toBe(0);
  });

  test("does not wait for workers that are still starting", async () => {
    await using pool = new TestPool({ name: "mute" });
    const answer = pool.behave("answer");
    await pool.close(10);
    expect(await answer).toBe("closed");
  });

  test("twice is once", async () => {
    await using pool = new TestPool();
    expect(pool.close(10)).toBe(pool.close(10));
  });
});
