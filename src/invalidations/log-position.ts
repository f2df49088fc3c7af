/**
 * How far the log has been read. Ids become visible out of order, so a missing one is waited for until
 * it must have been given up: its transaction rolled back.
 */
export class LogPosition {
  #settled: number;
  /** Ids above `#settled` that were applied, and when; the earliest first. Bounded by what is announced within the patience. */
  readonly #applied = new Map<number, number>();

  constructor(
    settled: number,
    private readonly patienceMs: number,
  ) {
    this.#settled = settled;
  }

  /** Every id up to it is applied or given up. */
  get settled(): number {
    return this.#settled;
  }

  isNew(id: number): boolean {
    return id > this.#settled && !this.#applied.has(id);
  }

  noteApplied(ids: readonly number[], now: number): void {
    for (const id of ids) this.#applied.set(id, now);
    this.#giveUpGaps(now);
    while (this.#applied.delete(this.#settled + 1)) this.#settled++;
  }

  /** Below an id that was seen so long ago, nothing comes any more. */
  #giveUpGaps(now: number): void {
    for (const [id, seenAt] of this.#applied) {
      if (seenAt > now - this.patienceMs) break;
      if (id > this.#settled) this.#settled = id;
      this.#applied.delete(id);
    }
    // Of those seen later, some are below an id that was seen before them.
    for (const id of this.#applied.keys()) if (id <= this.#settled) this.#applied.delete(id);
  }
}
