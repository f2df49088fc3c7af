/**
 * Says whether a worker may be terminated right now. A worker that is terminated inside a native
 * add-on takes the whole process down: the add-on's C++ meets a dying engine and aborts
 * (github.com/nodejs/node-addon-api/pull/975, github.com/oven-sh/bun/issues/24016). So the worker
 * marks its native calls in shared memory, and who wants to end it condemns it first.
 */
const INTERRUPTIBLE = 0;
const IN_NATIVE_CODE = 1;
const CONDEMNED = 2;

export function createGuard(): SharedArrayBuffer {
  return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
}

/**
 * The owner's side. True: the worker runs no native code and never will again, so terminate it.
 * False: it is inside, and sends `yielded` when it comes out.
 */
export function condemn(guard: SharedArrayBuffer): boolean {
  return Atomics.exchange(new Int32Array(guard), 0, CONDEMNED) !== IN_NATIVE_CODE;
}

/** Thrown in the worker instead of entering, or on leaving, native code once it is condemned. */
export class CondemnedError extends Error {
  override readonly name = "CondemnedError";

  /** `wasInside`: whether the owner waits to hear that native code was left. */
  constructor(readonly wasInside: boolean) {
    super("This worker is being ended.");
  }
}

/** The worker's side: runs `call`, which enters native code. Throws CondemnedError. */
export async function runNative<Value>(
  guard: SharedArrayBuffer,
  call: () => Promise<Value>,
): Promise<Value> {
  const state = new Int32Array(guard);
  if (Atomics.compareExchange(state, 0, INTERRUPTIBLE, IN_NATIVE_CODE) !== INTERRUPTIBLE)
    throw new CondemnedError(false);
  const result = await call().then(
    (value) => ({ ok: true as const, value }),
    (error: unknown) => ({ ok: false as const, error }),
  );
  if (Atomics.compareExchange(state, 0, IN_NATIVE_CODE, INTERRUPTIBLE) !== IN_NATIVE_CODE)
    throw new CondemnedError(true);
  if (!result.ok) throw result.error;
  return result.value;
}
