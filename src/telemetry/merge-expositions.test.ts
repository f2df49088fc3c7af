import { expect, test } from "bun:test";
import { mergeExpositions } from "./merge-expositions.ts";

function exposition(worker: number, requests: number): string {
  return [
    "# HELP requests_total Requests.",
    "# TYPE requests_total counter",
    `requests_total{worker="${worker}"} ${requests}`,
    "",
    "# HELP memory_bytes Memory.",
    "# TYPE memory_bytes gauge",
    `memory_bytes{worker="${worker}"} 1e3`,
    "",
  ].join("\n");
}

test("the samples of a metric stand together under one heading", () => {
  expect(mergeExpositions([exposition(1, 10), exposition(2, 20)])).toBe(`\
# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{worker="1"} 10
requests_total{worker="2"} 20
# HELP memory_bytes Memory.
# TYPE memory_bytes gauge
memory_bytes{worker="1"} 1e3
memory_bytes{worker="2"} 1e3
`);
});

test("a metric that only one process has is there, too", () => {
  const merged = mergeExpositions([exposition(1, 10), "# TYPE own gauge\nown 1\n"]);
  expect(merged).toEndWith("# TYPE own gauge\nown 1\n");
});
