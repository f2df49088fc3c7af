import { expect, test } from "bun:test";
import { parseReport } from "./wrk.ts";

const line = (changes: object) =>
  `Running 1s test\nREPORT ${JSON.stringify({
    requests: 500,
    duration_us: 2_000_000,
    p50_us: 1500,
    p95_us: 2500,
    p99_us: 3500,
    bad_answers: 0,
    broken: 0,
    ...changes,
  })}\n`;

test("a report is read in seconds and milliseconds", () => {
  expect(parseReport(line({}))).toEqual({
    requests: 500,
    requestsPerS: 250,
    p50Ms: 1.5,
    p95Ms: 2.5,
    p99Ms: 3.5,
  });
});

test("answers that were not 200 are no measurement", () => {
  expect(() => parseReport(line({ bad_answers: 3 }))).toThrow("3 were not answered with 200");
  expect(() => parseReport(line({ broken: 2 }))).toThrow("2 not at all");
  expect(() => parseReport(line({ requests: 0 }))).toThrow("of 0 requests");
});

test("without a report, what wrk said is shown", () => {
  expect(() => parseReport("", "unable to connect")).toThrow("unable to connect");
});
