import { describe, expect, test } from "bun:test";
import { once, SingleFlight } from "./single-flight.ts";

describe("a single flight", () => {
  test("is shared by everyone who joins while it is open, and opened by the first", async () => {
    const flights = new SingleFlight<string, { id: number }>();
    let opened = 0;
    const gate = Promise.withResolvers<void>();
    const joins = Array.from({ length: 5 }, () =>
      flights.join(
        "photo",
        () => ({ id: opened++ }),
        async (flight, isFirst) => {
          await gate.promise;
          return { id: flight.id, isFirst };
        },
      ),
    );
    expect(flights.size).toBe(1);
    gate.resolve();
    const results = await Promise.all(joins);
    expect(opened).toBe(1);
    expect(results.map(({ isFirst }) => isFirst)).toEqual([true, false, false, false, false]);
    expect(flights.size).toBe(0);
  });

  test("stays open until the last participant has left", async () => {
    const flights = new SingleFlight<string, object>();
    const slow = Promise.withResolvers<void>();
    const first = flights.join(
      "photo",
      () => ({}),
      async (flight) => flight,
    );
    const lasting = flights.join(
      "photo",
      () => ({}),
      async (flight) => {
        await slow.promise;
        return flight;
      },
    );
    const opened = await first;
    const late = flights.join(
      "photo",
      () => ({}),
      async (flight) => flight,
    );
    expect(await late).toBe(opened);
    slow.resolve();
    expect(await lasting).toBe(opened);
    expect(flights.size).toBe(0);
  });

  test("is not shared between keys", async () => {
    const flights = new SingleFlight<string, object>();
    const join = (key: string) =>
      flights.join(
        key,
        () => ({}),
        async (flight) => flight,
      );
    const [one, other] = await Promise.all([join("a"), join("b")]);
    expect(one).not.toBe(other);
  });

  test("is left by a participant that fails, and opened anew afterwards", async () => {
    const flights = new SingleFlight<string, object>();
    const failing = flights.join(
      "photo",
      () => ({}),
      () => Promise.reject(new Error("no")),
    );
    expect(failing).rejects.toThrow("no");
    await failing.catch(() => undefined);
    expect(flights.size).toBe(0);
    const isFirst = await flights.join(
      "photo",
      () => ({}),
      async (_, first) => first,
    );
    expect(isFirst).toBe(true);
  });
});

describe("once", () => {
  test("makes its promise at the first call and shares it, failed or not", async () => {
    let made = 0;
    const failing = once(() => Promise.reject(new Error(`attempt ${++made}`)));
    const all = await Promise.allSettled([failing(), failing()]);
    expect(all.map((settled) => settled.status)).toEqual(["rejected", "rejected"]);
    expect(made).toBe(1);
  });

  test("makes nothing before it is asked", () => {
    let made = 0;
    once(async () => made++);
    expect(made).toBe(0);
  });
});
