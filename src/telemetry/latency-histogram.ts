export interface LatencyHistogramOptions {
  name: string;
  help: string;
  /** Upper bounds in seconds, ascending, without +Inf. */
  bucketsS: readonly number[];
  /** Which of several processes on one port this is: a label of every line. */
  worker?: number;
}

interface Series {
  /** How many durations fell into each bucket alone; the last one is +Inf. */
  counts: number[];
  sumS: number;
}

/**
 * Durations of requests by operation and status, as a Prometheus histogram. Counts in plain arrays:
 * prom-client builds and hashes a label object for every observation, a tenth of a cache hit's time.
 */
export class LatencyHistogram {
  /** By operation, then status: both are few. */
  readonly #series = new Map<string, Map<number, Series>>();

  constructor(private readonly options: LatencyHistogramOptions) {}

  observe(operation: string, status: number, durationS: number): void {
    const series = this.#seriesOf(operation, status);
    const { bucketsS } = this.options;
    let bucket = 0;
    while (bucket < bucketsS.length && durationS > bucketsS[bucket]!) bucket++;
    series.counts[bucket]!++;
    series.sumS += durationS;
  }

  /** In the Prometheus text exposition format 0.0.4, where buckets are cumulative. */
  render(): string {
    const { name, help, bucketsS, worker } = this.options;
    const constant = worker === undefined ? "" : `,worker="${worker}"`;
    const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`];
    for (const [operation, byStatus] of this.#series) {
      for (const [status, { counts, sumS }] of byStatus) {
        const labels = `operation="${operation}",status="${status}"${constant}`;
        let total = 0;
        for (const [bucket, count] of counts.entries()) {
          total += count;
          lines.push(`${name}_bucket{${labels},le="${bucketsS[bucket] ?? "+Inf"}"} ${total}`);
        }
        lines.push(`${name}_sum{${labels}} ${sumS}`, `${name}_count{${labels}} ${total}`);
      }
    }
    return `${lines.join("\n")}\n`;
  }

  #seriesOf(operation: string, status: number): Series {
    let byStatus = this.#series.get(operation);
    if (!byStatus) this.#series.set(operation, (byStatus = new Map()));
    let series = byStatus.get(status);
    if (!series) {
      series = { counts: Array(this.options.bucketsS.length + 1).fill(0), sumS: 0 };
      byStatus.set(status, series);
    }
    return series;
  }
}
