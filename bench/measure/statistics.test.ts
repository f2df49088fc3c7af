import { expect, test } from "bun:test";
import { median, quantile, spreadOf } from "./statistics.ts";

test("the median of an even number of values lies between the middle two", () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([3, 1, 2])).toBe(2);
});

test("a quantile is interpolated between its neighbours", () => {
  expect(quantile([0, 10], 0.95)).toBeCloseTo(9.5);
  expect(quantile([7], 0.95)).toBe(7);
  expect(quantile([], 0.5)).toBeNaN();
});

test("a spread keeps the extremes", () => {
  expect(spreadOf([0.4, 0.6, 0.5])).toEqual({ median: 0.5, min: 0.4, max: 0.6 });
});
