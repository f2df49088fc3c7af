import type { Lease, LeaseLedger, Leases } from "../classification/ports/leases.ts";
import { holdLease } from "./hold-lease.ts";

export interface LeasesOptions {
  ledger: LeaseLedger;
  /** How long a lease outlives its owner, in milliseconds. */
  ttlMs: number;
  /** False while the ledger is known to be down: it is not even asked then. */
  isAvailable: () => boolean;
}

export interface OwnedLeases extends Leases {
  /** Releases what is held. */
  close(): Promise<void>;
}

/** The leases that one process holds in one ledger. Asking takes as long as the ledger's own deadline at most. */
export function openLeases({ ledger, ttlMs, isAvailable }: LeasesOptions): OwnedLeases {
  /** Invariant: every lease that was handed out and whose release has not ended. */
  const held = new Set<Lease>();
  let isClosed = false;

  return {
    async acquire(name) {
      if (isClosed || !isAvailable()) return unavailable("nobody can be asked for it");
      const owner = crypto.randomUUID();
      const takenAt = performance.now();
      try {
        if (!(await ledger.take(name, owner, ttlMs))) return { ok: true, value: null };
      } catch (error) {
        // It may have been taken all the same, and nobody would release it.
        ledger.release(name, owner).catch(() => {});
        return unavailable(error instanceof Error ? error.message : String(error));
      }
      const { lost, release } = holdLease({ ledger, name, owner, ttlMs, takenAt });
      const lease: Lease = { lost, release: () => release().finally(() => held.delete(lease)) };
      held.add(lease);
      if (!isClosed) return { ok: true, value: lease };
      await lease.release();
      return unavailable("it came too late");
    },
    async close() {
      isClosed = true;
      await Promise.all([...held].map((lease) => lease.release()));
    },
  };
}

function unavailable(detail: string) {
  return { ok: false, reason: "unavailable", detail } as const;
}
