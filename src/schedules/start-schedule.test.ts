import { afterEach, beforeEach, expect, test } from "bun:test";
import { waitFor } from "../../test/support/wait-for.ts";
import { openLeases } from "../leases/open-leases.ts";
import { openSqliteStore, type SqliteStore } from "../storage/sqlite/open-sqlite-store.ts";
import { startSchedule } from "./start-schedule.ts";

const TTL_MS = 60_000;
const KEEP_MS = 60_000;

let store: SqliteStore;
beforeEach(async () => {
  store = openSqliteStore({ file: ":memory:" });
  await store.migrate();
});
afterEach(() => store.close());

/** An instance with leases of its own, whose times come when the test says so. */
function openInstance(
  run: (signal: AbortSignal) => Promise<void>,
  { keepMs = KEEP_MS, ttlMs = TTL_MS, isUp = true } = {},
) {
  const leases = openLeases({ ledger: store.leases, ttlMs, isAvailable: () => isUp });
  const turns: boolean[] = [];
  const errors: unknown[] = [];
  let fire: (() => Promise<void>) | undefined;
  let isSet = true;
  const { stop } = startSchedule({
    name: "work",
    cron: "* * * * *",
    keepMs,
    run,
    leases,
    onTurn: (_, isOwn) => turns.push(isOwn),
    onError: (_, error) => errors.push(error),
    setCron(_, call) {
      fire = call;
      return { stop: () => (isSet = false) };
    },
  });
  return { leases, turns, errors, stop, fire: () => fire!(), isSet: () => isSet };
}

test("each turn is one instance's, also when another's clock is behind", async () => {
  let runs = 0;
  const work = async () => void runs++;
  const instances = [openInstance(work), openInstance(work), openInstance(work)];
  await Promise.all(instances.map(({ fire }) => fire()));
  expect(runs).toBe(1);
  for (const { fire } of instances) await fire();
  expect(runs).toBe(1);
  expect(instances.flatMap(({ turns }) => turns).filter(Boolean)).toHaveLength(1);
  for (const { leases } of instances) await leases.close();
});

test("the next turn may be another's once the first one ends, and when its time is over", async () => {
  const one = openInstance(async () => {});
  const other = openInstance(async () => {}, { keepMs: 0 });
  await one.fire();
  await other.fire();
  await one.leases.close();
  await other.fire();
  await other.fire();
  expect(other.turns).toEqual([false, true, true]);
});

test("a turn that failed is told and leaves the work to another at once", async () => {
  const failing = openInstance(() => Promise.reject(new Error("no luck")));
  const other = openInstance(async () => {});
  await failing.fire();
  expect(failing.errors).toEqual([new Error("no luck")]);
  await other.fire();
  expect(other.turns).toEqual([true]);
  await other.leases.close();
});

test("while no lease can be had, nobody works", async () => {
  const instance = openInstance(() => Promise.reject(new Error("not now")), { isUp: false });
  await instance.fire();
  expect(instance).toMatchObject({ turns: [false], errors: [] });
});

test("stopping ends the turn under way and waits for it", async () => {
  const ended: string[] = [];
  const instance = openInstance(async (signal) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => resolve());
    await promise;
    ended.push("turn");
  });
  const turn = instance.fire();
  await waitFor("the turn begins", () => store.client.query("select 1 from leases").get());
  await instance.stop();
  expect(ended).toEqual(["turn"]);
  expect(instance.isSet()).toBe(false);
  await turn;
  await instance.leases.close();
});

test("a lost lease ends the turn", async () => {
  const ended = Promise.withResolvers<void>();
  const run = async (signal: AbortSignal) => {
    signal.addEventListener("abort", () => ended.resolve());
    store.client.run("delete from leases");
    await ended.promise;
  };
  const instance = openInstance(run, { ttlMs: 300 });
  await instance.fire();
  expect(instance.turns).toEqual([true]);
  await instance.leases.close();
});

test("Bun's cron takes the expression and can be stopped", async () => {
  const leases = openLeases({ ledger: store.leases, ttlMs: TTL_MS, isAvailable: () => true });
  const schedule = startSchedule({
    name: "work",
    cron: "* * * * *",
    keepMs: KEEP_MS,
    run: () => Promise.resolve(),
    leases,
    onTurn: () => {},
    onError: () => {},
  });
  await schedule.stop();
});
