/** Asks one provider; stops when `cancel` aborts. */
export type AskOne<Answer> = (cancel: AbortSignal) => Promise<Answer>;

/**
 * Asks `first`, and `second` as well when `first` has not settled after `afterMs`; the first good
 * answer counts and the other call is cancelled. Resolves to that answer alone, or to every failure.
 */
export async function askHedged<Answer extends { ok: boolean }>(
  first: AskOne<Answer>,
  second: AskOne<Answer>,
  afterMs: number,
): Promise<Answer[]> {
  const cancel = new AbortController();
  const late = Promise.withResolvers<null>();
  const timer = setTimeout(() => late.resolve(null), afterMs);
  try {
    const firstCall = first(cancel.signal);
    const early = await Promise.race([firstCall, late.promise]);
    if (early !== null) return [early];
    const calls = [firstCall, second(cancel.signal)];
    const quicker = await Promise.race(calls);
    return quicker.ok ? [quicker] : await Promise.all(calls);
  } finally {
    clearTimeout(timer);
    cancel.abort();
  }
}
