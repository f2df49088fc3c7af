const PAUSE_MS = 10;

/**
 * Resolves to the first value of `probe` that is neither false, null nor undefined; a probe that throws
 * counts as a no. Rejects after `timeoutMs`, saying what was waited for.
 */
export async function waitFor<Value>(
  what: string,
  probe: () => Value | Promise<Value>,
  timeoutMs = 15_000,
): Promise<Exclude<Value, false | null | undefined>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let cause: unknown;
    try {
      const value = await probe();
      if (value !== false && value !== null && value !== undefined) {
        return value as Exclude<Value, false | null | undefined>;
      }
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`Waited ${timeoutMs} ms in vain: ${what}.`, { cause });
    }
    await Bun.sleep(PAUSE_MS);
  }
}
