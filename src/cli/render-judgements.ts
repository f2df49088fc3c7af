import type { Judgement } from "./check-model.ts";
import { renderTable } from "./render-table.ts";

/** The accuracy table of a model: per category, over all, above the `unsure` threshold, and its speed. */
export function renderJudgements(judgements: readonly Judgement[], unsure: number): string {
  const categories = [...new Set(judgements.map(({ truth }) => truth))].toSorted();
  const rows = categories.map((category) => {
    const shown = judgements.filter(({ truth }) => truth === category);
    const called = judgements.filter((judgement) => judgement.category === category);
    const right = shown.filter(isRight).length;
    const precision = called.length > 0 ? percent(right / called.length) : "-";
    return [category, String(shown.length), precision, percent(right / shown.length)];
  });
  const sure = judgements.filter(({ confidence }) => confidence >= unsure);
  const silent = judgements.filter(({ category }) => category === null).length;
  const latencies = judgements.map(({ latencyMs }) => latencyMs).toSorted((a, b) => a - b);
  const lines = [
    `top-1: ${percent(shareRight(judgements))} of ${judgements.length} pictures`,
    `not unsure (confidence from ${unsure}): ${percent(sure.length / judgements.length)} of them, right in ${percent(shareRight(sure))}`,
    ...(silent > 0 ? [`without an answer: ${silent}`] : []),
    `time a picture, with decoding: p50 ${quantile(latencies, 0.5)} ms, p95 ${quantile(latencies, 0.95)} ms`,
  ];
  const table = renderTable([["category", "pictures", "precision", "recall"], ...rows]);
  return `${table}\n${lines.join("\n")}\n`;
}

function isRight({ truth, category }: Judgement): boolean {
  return truth === category;
}

function shareRight(judgements: readonly Judgement[]): number {
  return judgements.filter(isRight).length / judgements.length;
}

/** The nearest rank. */
function quantile(sorted: readonly number[], share: number): string {
  return (sorted[Math.ceil(sorted.length * share) - 1] ?? NaN).toFixed(1);
}

function percent(share: number): string {
  return Number.isNaN(share) ? "-" : `${(share * 100).toFixed(1)} %`;
}
