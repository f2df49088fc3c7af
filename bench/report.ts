import type { Performance } from "./measure/interleave.ts";
import type { Spread } from "./measure/statistics.ts";
import type { Row } from "./part.ts";

const HEADINGS = ["what", "baseline", "onceover", "ratio", "CPU ratio", "target", ""];

/** The rows as one table of plain text, columns as wide as their widest cell. */
export function renderTable(rows: readonly Row[]): string {
  const cells = [HEADINGS, ...rows.map(toCells)];
  const widths = HEADINGS.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const lines = cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
  lines.splice(
    1,
    0,
    widths
      .map((width) => "-".repeat(width))
      .join("  ")
      .trimEnd(),
  );
  return lines.join("\n");
}

function toCells({ what, baseline, ours, ratio, cpuRatio, target }: Row): string[] {
  return [
    what,
    baseline,
    ours,
    ratio ? describeSpread(ratio) : "",
    cpuRatio ? describeSpread(cpuRatio) : "",
    target?.text ?? "",
    target ? (target.isMet ? "ok" : "MISSED") : "",
  ];
}

function describeSpread({ median, min, max }: Spread): string {
  return `${median.toFixed(2)} (${min.toFixed(2)}-${max.toFixed(2)})`;
}

export function describePerformance({ requestsPerS, cpuUsPerRequest }: Performance): string {
  return `${Math.round(requestsPerS)}/s, ${cpuUsPerRequest.toFixed(1)} us CPU`;
}
