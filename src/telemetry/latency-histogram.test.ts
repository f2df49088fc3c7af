import { expect, test } from "bun:test";
import { Histogram, Registry } from "prom-client";
import { LatencyHistogram } from "./latency-histogram.ts";

const BUCKETS_S = [0.001, 0.1, 1];
const DURATIONS_S = [0, 0.001, 0.0011, 0.1, 0.5, 1, 1.5, 100];

/** Its lines in one order, as neither the order of lines nor that of labels says anything. */
function samples(text: string): string[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.replace(/\{(.*)\}/, (_, labels: string) => sorted(labels)))
    .toSorted();
}

const sorted = (labels: string) => labels.split(",").toSorted().join();

test.each([{}, { worker: 3 }])(
  "says exactly what prom-client's histogram says: %p",
  async (place) => {
    const registry = new Registry();
    registry.setDefaultLabels(place);
    const theirs = new Histogram({
      name: "request_seconds",
      help: "Time.",
      labelNames: ["operation", "status"],
      buckets: BUCKETS_S,
      registers: [registry],
    });
    const ours = new LatencyHistogram({
      name: "request_seconds",
      help: "Time.",
      bucketsS: BUCKETS_S,
      ...place,
    });
    for (const [operation, status] of [
      ["check_cache", 200],
      ["check_cache", 422],
      ["classify", 200],
    ] as const) {
      for (const duration of DURATIONS_S) {
        theirs.observe({ operation, status }, duration);
        ours.observe(operation, status, duration);
      }
    }
    expect(samples(ours.render())).toEqual(samples(await registry.metrics()));
  },
);

test("without a request it is only announced", () => {
  const empty = new LatencyHistogram({ name: "x", help: "Y.", bucketsS: BUCKETS_S });
  expect(empty.render()).toBe("# HELP x Y.\n# TYPE x histogram\n");
});
