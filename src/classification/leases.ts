import type { Outcome } from "./ports.ts";

/** The right to work on something that no other process works on meanwhile. */
export interface Lease {
  /** Aborts when the lease could not be renewed: another process may work on the same now. */
  readonly lost: AbortSignal;
  /** Lets others in at once. Never rejects; what cannot be released runs out. */
  release(): Promise<void>;
}

/**
 * Hands out leases by name. A lease is renewed until it is released, and runs out `ttlMs` after its
 * owner died. At most one process holds it, as far as clocks and networks allow: it saves work, and
 * nothing may be wrong when two hold it after all.
 */
export interface Leases {
  /** null: another holder has it. */
  acquire(name: string): Promise<Outcome<Lease | null, "unavailable">>;
}
