import { describe, expect, test } from "bun:test";
import { waitFor } from "../../test/support/wait-for.ts";
import type { ResultStore } from "../classification/ports/result-store.ts";
import { guardStore } from "./guarded-store.ts";
import { openSqliteStore } from "./sqlite/open-sqlite-store.ts";

/** A real store of which single methods can be replaced. */
async function withStore(
  use: (store: ResultStore) => Promise<void>,
  replaced: Partial<ResultStore> = {},
): Promise<void> {
  const store = openSqliteStore({ file: ":memory:" });
  await store.migrate();
  await use({ ...store, ...replaced });
  await store.close();
}

const failing = () => Promise.reject(new Error("Failed query", { cause: new Error("gone away") }));
const silent = () => new Promise<never>(() => {});

describe("guarded store", () => {
  test("hands on what the store answers", () =>
    withStore(async (store) => {
      const guarded = guardStore(store);
      expect(await guarded.findHottest("profile", 1, 0)).toEqual({ ok: true, value: [] });
      expect(await guarded.ping()).toEqual({ ok: true, value: undefined });
      expect(guarded.isAvailable()).toBe(true);
    }));

  test("turns a rejection into a value that names the root cause", () =>
    withStore(
      async (store) => {
        expect(await guardStore(store).ping()).toEqual({
          ok: false,
          reason: "unavailable",
          detail: "gone away",
        });
      },
      { ping: failing },
    ));

  test("does not wait for a store that is silent, and drops a late rejection", async () => {
    const late = Promise.withResolvers<never>();
    await withStore(
      async (store) => {
        const guarded = guardStore(store, { readTimeoutMs: 5, writeTimeoutMs: 10 });
        expect(await guarded.ping()).toMatchObject({
          ok: false,
          detail: "the database did not answer within 5 ms",
        });
        expect(await guarded.saveResults([])).toMatchObject({ ok: false });
        late.reject(new Error("too late"));
      },
      { ping: () => late.promise, saveResults: silent },
    );
  });

  test("leaves a failing store alone, then tries it and comes back", async () => {
    let isDown = true;
    let calls = 0;
    const ping = async () => {
      calls++;
      if (isDown) await failing();
    };
    await withStore(
      async (store) => {
        const states: [boolean, string][] = [];
        const guarded = guardStore(store, {
          failureThreshold: 2,
          halfOpenAfterMs: 300,
          onStateChange: (...state) => states.push(state),
        });
        await guarded.ping();
        await guarded.ping();
        expect(guarded.isAvailable()).toBe(false);
        expect(await guarded.ping()).toMatchObject({ detail: "the database failed repeatedly" });
        expect(calls).toBe(2);
        await waitFor("the third call", async () => (await guarded.ping(), calls === 3));
        expect(guarded.isAvailable()).toBe(false);
        isDown = false;
        await waitFor("the database answers again", async () => (await guarded.ping()).ok);
        expect(guarded.isAvailable()).toBe(true);
        expect(states).toEqual([
          [false, "gone away"],
          [true, ""],
        ]);
      },
      { ping },
    );
  });

  test("wrong arguments do not make the store unavailable", () =>
    withStore(async (store) => {
      const guarded = guardStore(store, { failureThreshold: 1 });
      const query = { profileId: "p", caller: "c", quorum: 2, now: 0, hashes: ["ab"] } as never;
      expect(await guarded.find(query)).toMatchObject({ ok: false });
      expect(guarded.isAvailable()).toBe(true);
    }));
});
