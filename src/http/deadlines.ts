/** Something that happens unless it is cleared in time. */
interface Deadline {
  /** On the monotonic clock, in milliseconds. */
  readonly at: number;
  readonly expire: () => void;
}

const SWEEP_MS = 50;
const open = new Set<Deadline>();
/** Set exactly while a deadline is open or was within the last sweep. */
let sweep: ReturnType<typeof setTimeout> | undefined;

/**
 * Calls `expire` after `timeoutMs`, or up to 50 ms later. One timer serves all deadlines: hardly any
 * is ever reached, and a timer of its own is dear on the path of every request.
 */
export function setDeadline(timeoutMs: number, expire: () => void): Deadline {
  const deadline = { at: performance.now() + timeoutMs, expire };
  open.add(deadline);
  sweep ??= setTimeout(expireReached, SWEEP_MS);
  return deadline;
}

export function clearDeadline(deadline: Deadline): void {
  open.delete(deadline);
}

function expireReached(): void {
  const now = performance.now();
  for (const deadline of open) {
    if (deadline.at > now) continue;
    open.delete(deadline);
    deadline.expire();
  }
  sweep = open.size > 0 ? setTimeout(expireReached, SWEEP_MS) : undefined;
}
