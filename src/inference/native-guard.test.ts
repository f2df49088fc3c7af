import { describe, expect, test } from "bun:test";
import { CondemnedError, condemn, createGuard, runNative } from "./native-guard.ts";

describe("the native guard", () => {
  test("lets calls through, with their results and errors", async () => {
    const guard = createGuard();
    expect(await runNative(guard, async () => 42)).toBe(42);
    const failing = runNative(guard, () => Promise.reject(new Error("bad model")));
    await expect(failing).rejects.toThrow("bad model");
    expect(await runNative(guard, async () => 43)).toBe(43);
  });

  test("a worker condemned outside may be terminated, and enters no more", async () => {
    const guard = createGuard();
    expect(condemn(guard)).toBe(true);
    let entered = false;
    const call = runNative(guard, async () => (entered = true));
    await expect(call).rejects.toEqual(new CondemnedError(false));
    expect(entered).toBe(false);
  });

  test("a worker condemned inside must not be, and says so when it comes out", async () => {
    const guard = createGuard();
    const { promise, resolve } = Promise.withResolvers<string>();
    const call = runNative(guard, () => promise).catch((error: unknown) => error);
    expect(condemn(guard)).toBe(false);
    resolve("too late");
    const error = await call;
    expect(error).toBeInstanceOf(CondemnedError);
    expect((error as CondemnedError).wasInside).toBe(true);
  });

  test("an error inside counts as coming out", async () => {
    const guard = createGuard();
    const { promise, reject } = Promise.withResolvers<string>();
    const call = runNative(guard, () => promise).catch((error: unknown) => error);
    condemn(guard);
    reject(new Error("native failure"));
    expect(await call).toBeInstanceOf(CondemnedError);
  });
});
