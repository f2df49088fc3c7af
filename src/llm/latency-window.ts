/** Calls that a percentile is taken of; enough that the 95th means something, few enough to forget soon. */
const MAX_SAMPLES = 200;
const MIN_SAMPLES = 20;

/** The latencies of the last calls to one provider. */
export class LatencyWindow {
  /** Milliseconds, a ring. */
  readonly #samples: number[] = [];
  #next = 0;

  record(ms: number): void {
    this.#samples[this.#next] = ms;
    this.#next = (this.#next + 1) % MAX_SAMPLES;
  }

  /** The 95th percentile (nearest rank) in milliseconds; null while there are too few samples. */
  p95(): number | null {
    const count = this.#samples.length;
    if (count < MIN_SAMPLES) return null;
    const sorted = this.#samples.toSorted((a, b) => a - b);
    return sorted[Math.ceil(count * 0.95) - 1]!;
  }
}
