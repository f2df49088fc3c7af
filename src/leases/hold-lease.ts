import type { Lease, LeaseLedger } from "../classification/ports/leases.ts";

export interface HeldLease {
  ledger: LeaseLedger;
  name: string;
  owner: string;
  ttlMs: number;
  /** When the ledger was asked for it, by `performance.now`: it lasts at least `ttlMs` from then. */
  takenAt: number;
}

const RENEWALS_PER_TTL = 3;

/**
 * Keeps a lease that was taken: renews it each third of its time, so that two renewals may fail in a
 * row. It is lost when it turns out to be another one's, or when no renewal came through in time.
 */
export function holdLease({ ledger, name, owner, ttlMs, takenAt }: HeldLease): Lease {
  const lost = new AbortController();
  const renewals = setInterval(() => void renew(), ttlMs / RENEWALS_PER_TTL);
  let expiry = expireAt(takenAt + ttlMs);
  let isRenewing = false;
  let released: Promise<void> | undefined;

  function expireAt(time: number) {
    return setTimeout(lose, Math.max(0, time - performance.now()));
  }

  async function renew(): Promise<void> {
    if (isRenewing) return;
    isRenewing = true;
    const askedAt = performance.now();
    try {
      const isOwn = await ledger.renew(name, owner, ttlMs);
      if (released || lost.signal.aborted) return;
      if (!isOwn) return lose();
      clearTimeout(expiry);
      expiry = expireAt(askedAt + ttlMs);
    } catch {
      // The next one may come through, and what is not renewed runs out.
    } finally {
      isRenewing = false;
    }
  }

  function stop(): void {
    clearInterval(renewals);
    clearTimeout(expiry);
  }

  function lose(): void {
    stop();
    lost.abort(new Error(`the lease ${name} was lost`));
  }

  return {
    lost: lost.signal,
    release() {
      stop();
      return (released ??= ledger.release(name, owner).catch(() => {}));
    },
  };
}
