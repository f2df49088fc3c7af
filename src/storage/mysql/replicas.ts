import type { MySql2Database } from "drizzle-orm/mysql2";
import { withDeadline } from "../../with-deadline.ts";
import { isOutage } from "../database-error.ts";
import type { Reads } from "../reads.ts";
import { beat } from "./heartbeat.ts";
import { CHECK_TIMEOUT_MS, Replica, type ReplicaOptions } from "./replica.ts";

export interface ReplicasOptions extends Omit<ReplicaOptions, "url"> {
  urls: readonly string[];
}

/** The primary, as replicas are compared with it and stood in for. */
export interface Primary {
  db: MySql2Database;
  reads: Reads;
}

/** Copies of the database that take reads off the primary, in turn. */
export class Replicas {
  readonly all: readonly Replica[];
  #turn = 0;

  constructor(
    private readonly primary: Primary,
    { urls, ...options }: ReplicasOptions,
  ) {
    this.all = urls.map((url) => new Replica({ ...options, url }));
  }

  countUsable(): number {
    return this.all.filter((replica) => replica.isUsable()).length;
  }

  /** Asks a replica for at most `limitMs`, then the primary; the primary at once where no replica is fit. */
  async read<Value>(call: (reads: Reads) => Promise<Value>, limitMs: number): Promise<Value> {
    const replica = this.#next();
    if (replica) {
      try {
        return await replica.read(call, limitMs);
      } catch (error) {
        if (!isOutage(error)) throw error;
      }
    }
    return call(this.primary.reads);
  }

  /**
   * Finds out which replicas are fit for use; to be called every second or so. Never rejects. Without
   * the primary none is: nobody could tell how old its answers are.
   */
  async check(): Promise<void> {
    if (this.all.length === 0) return;
    try {
      const deadline = { timeoutMs: CHECK_TIMEOUT_MS, who: "the primary" };
      const now = await withDeadline(beat(this.primary.db), deadline);
      await Promise.all(this.all.map((replica) => replica.check(now)));
    } catch {
      for (const replica of this.all) replica.suspend("the primary does not answer");
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((replica) => replica.close()));
  }

  #next(): Replica | null {
    for (let tried = 0; tried < this.all.length; tried++) {
      this.#turn = (this.#turn + 1) % this.all.length;
      const replica = this.all[this.#turn]!;
      if (replica.isUsable()) return replica;
    }
    return null;
  }
}
