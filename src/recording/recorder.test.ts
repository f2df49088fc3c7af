import { describe, expect, test } from "bun:test";
import { newResult } from "../../test/support/results.ts";
import type { RequestRecord } from "../classification/ports/recorder.ts";
import type { HitCount } from "../classification/ports/result-store.ts";
import { createRecorder } from "./recorder.ts";

const UNAVAILABLE = { ok: false, reason: "unavailable", detail: "down" } as const;
const DONE = { ok: true, value: undefined } as const;

function open({ maxRequests = 10, maxDigests = 10 } = {}) {
  const requests: RequestRecord[] = [];
  const hits: HitCount[] = [];
  const shed = { request: 0, hit: 0 };
  /** Called at each write; may record more meanwhile. Returns whether the write arrives. */
  const state = { arrives: () => true, writes: 0 };
  const recorder = createRecorder({
    maxRequests,
    maxDigests,
    onShed: (kind, count) => (shed[kind] += count),
    store: {
      async appendRequests(lines) {
        state.writes++;
        if (!state.arrives()) return UNAVAILABLE;
        requests.push(...lines);
        return DONE;
      },
      async addHits(counts) {
        state.writes++;
        if (!state.arrives()) return UNAVAILABLE;
        hits.push(...counts.map((count) => ({ ...count })));
        return DONE;
      },
    },
  });
  return { recorder, requests, hits, shed, state };
}

function line(requestId: string): RequestRecord {
  return {
    requestId,
    at: 1_800_000_000_000,
    operation: "classify",
    userId: null,
    ip: null,
    imageCount: 1,
    cachedCount: 0,
    failedCount: 0,
    status: 200,
    durationMs: 1,
    method: "llm",
    category: "foods",
    digest: null,
    provider: "fake",
    model: "fake-vision",
    inputTokens: 850,
    outputTokens: 40,
    costMicros: 1_000,
  };
}

describe("the recorder", () => {
  test("writes nothing before it is flushed, and each line once", async () => {
    const { recorder, requests, state } = open();
    recorder.recordRequest(() => line("a"));
    recorder.recordRequest(() => line("b"));
    expect(requests).toEqual([]);
    await recorder.flush();
    await recorder.flush();
    expect(requests.map(({ requestId }) => requestId)).toEqual(["a", "b"]);
    expect(state.writes).toBe(1);
  });

  test("adds up the hits of a photo in one row, with the latest time", async () => {
    const { recorder, hits } = open();
    const result = newResult();
    for (const at of [5, 9, 7]) recorder.recordHit(result, at);
    recorder.recordHit(newResult(), 3);
    await recorder.flush();
    const { profileId, digest } = result;
    expect(hits[0]).toEqual({ profileId, digest, count: 3, lastHitAt: 9 });
    expect(hits).toHaveLength(2);
  });

  test("sheds request lines beyond its bound and counts them, while hits still have room", () => {
    const { recorder, shed } = open({ maxRequests: 3, maxDigests: 3 });
    for (let i = 0; i < 8; i++) recorder.recordRequest(() => line(`${i}`));
    recorder.recordHit(newResult(), 1);
    expect(recorder.held).toEqual({ requests: 3, hits: 1 });
    expect(shed).toEqual({ request: 5, hit: 0 });
  });

  test("counts hits of photos that it holds even when it holds no further ones", async () => {
    const { recorder, shed, hits } = open({ maxDigests: 1 });
    const held = newResult();
    for (const result of [held, newResult(), held]) recorder.recordHit(result, 1);
    await recorder.flush();
    expect(shed.hit).toBe(1);
    expect(hits.map(({ count }) => count)).toEqual([2]);
  });

  test("keeps what the database did not take and writes it at the next flush", async () => {
    const { recorder, requests, hits, state, shed } = open();
    recorder.recordRequest(() => line("a"));
    const result = newResult();
    recorder.recordHit(result, 1);
    state.arrives = () => false;
    await recorder.flush();
    expect(recorder.held).toEqual({ requests: 1, hits: 1 });
    recorder.recordRequest(() => line("b"));
    recorder.recordHit(result, 2);
    state.arrives = () => true;
    await recorder.flush();
    expect(requests.map(({ requestId }) => requestId)).toEqual(["a", "b"]);
    expect(hits).toMatchObject([{ count: 2, lastHitAt: 2 }]);
    expect(shed).toEqual({ request: 0, hit: 0 });
  });

  test("stays within its bounds when lines came in during a failed write", async () => {
    const { recorder, state, shed } = open({ maxRequests: 4, maxDigests: 2 });
    for (let i = 0; i < 4; i++) recorder.recordRequest(() => line(`old ${i}`));
    for (let i = 0; i < 2; i++) recorder.recordHit(newResult(), 1);
    state.arrives = () => {
      for (let i = 0; i < 3; i++) recorder.recordRequest(() => line(`new ${i}`));
      recorder.recordHit(newResult(), 1);
      return false;
    };
    await recorder.flush();
    expect(recorder.held.requests).toBe(4);
    expect(recorder.held.hits).toBe(2);
    expect(shed.request).toBeGreaterThan(0);
    expect(shed.hit).toBeGreaterThan(0);
  });

  test("writes large backlogs in batches and stops at the first that fails", async () => {
    const { recorder, requests, state } = open({ maxRequests: 2_000 });
    for (let i = 0; i < 1_200; i++) recorder.recordRequest(() => line(`${i}`));
    state.arrives = () => state.writes === 1;
    await recorder.flush();
    expect(requests).toHaveLength(500);
    expect(recorder.held.requests).toBe(700);
    state.arrives = () => true;
    await recorder.flush();
    const order = requests.map(({ requestId }) => Number(requestId));
    expect(order).toEqual(Array.from({ length: 1_200 }, (_, i) => i));
  });
});
