/** An expected failure of a tier: a value that drives the fallback, never an exception. */
export type Outcome<Value, Reason extends string> =
  { ok: true; value: Value } | { ok: false; reason: Reason; detail: string };
