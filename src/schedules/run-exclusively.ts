import type { Leases } from "../classification/ports/leases.ts";

export interface ExclusiveWork {
  /** Of the lease. */
  name: string;
  /**
   * For how long after its start nobody begins the same work again, in milliseconds. It lasts longer
   * than the work itself, so that an instance whose clock is behind does not repeat it.
   */
  keepMs: number;
  /** Resolves to whether there was anything to do. `lost` aborts when another one may be at it, too. */
  work: (lost: AbortSignal) => Promise<boolean>;
}

/**
 * Does work that one instance does at a time; resolves to whether it was this one. Work that failed,
 * or found nothing to do, leaves the lease to others at once; so does an instance that ends or dies.
 */
export async function runExclusively(
  leases: Leases,
  { name, keepMs, work }: ExclusiveWork,
): Promise<boolean> {
  const startedAt = performance.now();
  const outcome = await leases.acquire(name);
  if (!outcome.ok || !outcome.value) return false;
  const lease = outcome.value;
  let wasDone = false;
  try {
    wasDone = await work(lease.lost);
  } finally {
    const restMs = keepMs - (performance.now() - startedAt);
    if (wasDone && restMs > 0) setTimeout(() => void lease.release(), restMs).unref();
    else await lease.release();
  }
  return true;
}
