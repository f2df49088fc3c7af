import type { Effort } from "./measure/interleave.ts";
import type { Spread } from "./measure/statistics.ts";

/** One line of the report. */
export interface Row {
  what: string;
  /** What it is measured against; empty where it stands alone. */
  baseline: string;
  ours: string;
  /** Ours over the baseline's: 1 is as fast. */
  ratio?: Spread;
  /** The same in CPU time of the server process, which other work on the machine disturbs less. */
  cpuRatio?: Spread;
  target?: Target;
}

export interface Target {
  text: string;
  isMet: boolean;
}

export interface PartContext {
  effort: Effort;
  /** A folder of the part's own, removed after it. */
  folder: string;
}

/** One thing that is measured; leaves nothing running. */
export type Part = (context: PartContext) => Promise<Row[]>;

export function atLeast(wanted: number, value: number): Target {
  return { text: `>= ${wanted}`, isMet: value >= wanted };
}

export function below(limit: number, unit: string, value: number): Target {
  return { text: `< ${limit} ${unit}`, isMet: value < limit };
}
