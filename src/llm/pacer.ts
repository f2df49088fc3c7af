const WINDOW_MS = 60_000;

/** Keeps calls under a vendor's requests per minute: never more of them within any 60 seconds. */
export class Pacer {
  readonly #perMinute: number;
  readonly #clock: () => number;
  /** When the last turns were given, milliseconds since the epoch; a ring of at most `perMinute`. */
  readonly #turns: number[] = [];
  /** Where the oldest turn stands once the ring is full. */
  #oldest = 0;

  constructor(perMinute: number, clock: () => number) {
    this.#perMinute = perMinute;
    this.#clock = clock;
  }

  /**
   * Takes the next turn; returns how long to wait for it in milliseconds, or null, and takes none, when
   * it comes after `deadlineAt`. A turn whose taker gives up meanwhile is lost: too few calls, never too many.
   */
  take(deadlineAt: number): number | null {
    const now = this.#clock();
    const at = Math.max(now, this.#nextTurnAt());
    if (at >= deadlineAt) return null;
    if (this.#turns.length < this.#perMinute) this.#turns.push(at);
    else {
      this.#turns[this.#oldest] = at;
      this.#oldest = (this.#oldest + 1) % this.#perMinute;
    }
    return at - now;
  }

  /** Whether a turn could be taken now without waiting. */
  isFree(): boolean {
    return this.#nextTurnAt() <= this.#clock();
  }

  #nextTurnAt(): number {
    if (this.#turns.length < this.#perMinute) return -Infinity;
    return this.#turns[this.#oldest]! + WINDOW_MS;
  }
}
