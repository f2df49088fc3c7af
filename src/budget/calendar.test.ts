import { expect, test } from "bun:test";
import { createCalendar } from "./calendar.ts";

const at = (text: string) => Date.parse(text);

test("a day begins at midnight of its time zone", () => {
  const utc = createCalendar("UTC");
  expect(utc(at("2026-11-20T23:59:59.999Z"))).toBe("2026-11-20");
  expect(utc(at("2026-11-21T00:00:00Z"))).toBe("2026-11-21");
  const shanghai = createCalendar("Asia/Shanghai");
  expect(shanghai(at("2026-11-20T15:59:59.999Z"))).toBe("2026-11-20");
  expect(shanghai(at("2026-11-20T16:00:00Z"))).toBe("2026-11-21");
});

test("a day with a change of clocks is one day", () => {
  const berlin = createCalendar("Europe/Berlin");
  expect(berlin(at("2026-10-24T22:00:00Z"))).toBe("2026-10-25");
  expect(berlin(at("2026-10-25T22:59:59Z"))).toBe("2026-10-25");
  expect(berlin(at("2026-10-25T23:00:00Z"))).toBe("2026-10-26");
});

test("an unknown time zone is refused", () => {
  expect(() => createCalendar("Mars/Olympus")).toThrow(RangeError);
});
