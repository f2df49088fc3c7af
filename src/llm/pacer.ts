const WINDOW_MS = 60_000;
/** However long a provider wants to be left alone, it is asked again after this. */
const MAX_PAUSE_MS = 300_000;

/**
 * Keeps calls to the pace that a vendor allows: never more than its requests per minute within any 60
 * seconds, and none while it has asked, by Retry-After, to be left alone.
 */
export class Pacer {
  readonly #perMinute: number;
  readonly #clock: () => number;
  /** When the last turns were given, milliseconds since the epoch; a ring of at most `perMinute`. */
  readonly #turns: number[] = [];
  /** Where the oldest turn stands once the ring is full. */
  #oldest = 0;

  /** Milliseconds since the epoch. */
  #pausedUntil = -Infinity;

  /** `perMinute`: null, no limit. */
  constructor(perMinute: number | null, clock: () => number) {
    this.#perMinute = perMinute ?? 0;
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
    else if (this.#perMinute > 0) {
      this.#turns[this.#oldest] = at;
      this.#oldest = (this.#oldest + 1) % this.#perMinute;
    }
    return at - now;
  }

  /** Whether a turn could be taken now without waiting. */
  isFree(): boolean {
    return this.#nextTurnAt() <= this.#clock();
  }

  /** Lets nobody through for so long. */
  pause(ms: number): void {
    const until = this.#clock() + Math.min(ms, MAX_PAUSE_MS);
    this.#pausedUntil = Math.max(this.#pausedUntil, until);
  }

  isPaused(): boolean {
    return this.#pausedUntil > this.#clock();
  }

  #nextTurnAt(): number {
    const isFull = this.#perMinute > 0 && this.#turns.length === this.#perMinute;
    const freeAt = isFull ? this.#turns[this.#oldest]! + WINDOW_MS : -Infinity;
    return Math.max(freeAt, this.#pausedUntil);
  }
}
