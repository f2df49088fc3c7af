import type { Outcome } from "./outcome.ts";

/** The right to work on something that no other process works on meanwhile. */
export interface Lease {
  /** Aborts when the lease could not be renewed: another process may work on the same now. */
  readonly lost: AbortSignal;
  /** Lets others in at once. Never rejects; what cannot be released runs out. */
  release(): Promise<void>;
}

/**
 * Hands out leases by name. A lease is renewed until it is released, and runs out a few seconds after
 * its owner died. At most one process holds it, as far as clocks and networks allow: it saves work,
 * and nothing may be wrong when two hold it after all.
 */
export interface Leases {
  /** null: another holder has it. */
  acquire(name: string): Promise<Outcome<Lease | null, "unavailable">>;
}

/**
 * Where leases are written down, in Redis or in a database, by whose clock alone they run out. Each
 * method is one whole operation and rejects when it cannot be done.
 */
export interface LeaseLedger {
  /**
   * Writes the owner down unless another one's lease has not run out; resolves to whether it did.
   * `name`: at most 128 characters; `owner`: at most 64.
   */
  take(name: string, owner: string, ttlMs: number): Promise<boolean>;
  /** Lets the owner's lease last `ttlMs` from now. False: it is not the owner's any more. */
  renew(name: string, owner: string, ttlMs: number): Promise<boolean>;
  /** Ends the owner's lease, never another one's. */
  release(name: string, owner: string): Promise<void>;
}

/** A ledger in a database, where what ran out stays until it is swept. */
export interface DatabaseLeaseLedger extends LeaseLedger {
  /** Deletes at most `limit` leases that ran out; resolves to how many went. */
  sweep(limit: number): Promise<number>;
}
