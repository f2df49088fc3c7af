import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { createOutageReport } from "./create-outage-report.ts";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

function open() {
  const reports: (string | null)[] = [];
  let now = 0;
  const note = createOutageReport({
    report: (isAvailable, detail) => void reports.push(isAvailable ? null : detail),
    clock: () => now,
  });
  return {
    reports,
    down: (detail: string) => note(false, detail),
    up: () => note(true, ""),
    pass(ms: number) {
      now += ms;
      jest.advanceTimersByTime(ms);
    },
  };
}

test("what goes and comes back is reported at once", () => {
  const { reports, down, up, pass } = open();
  down("first");
  pass(1_000);
  up();
  pass(60_000);
  down("second");
  expect(reports).toEqual(["first", null, "second"]);
});

test("what comes and goes every second is reported once a minute", () => {
  const { reports, down, up, pass } = open();
  for (let second = 0; second < 180; second++) {
    down(`at ${second}`);
    pass(900);
    up();
    pass(100);
  }
  expect(reports).toEqual(["at 0", null, "at 60", null, "at 120", null]);
});

test("what goes again soon and stays away is reported after a moment", () => {
  const { reports, down, up, pass } = open();
  down("a blip");
  up();
  pass(10_000);
  down("for good");
  pass(4_999);
  expect(reports).toEqual(["a blip", null]);
  pass(1);
  expect(reports).toEqual(["a blip", null, "for good"]);
  up();
  expect(reports).toEqual(["a blip", null, "for good", null]);
});
