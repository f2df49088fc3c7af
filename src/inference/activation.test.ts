import { describe, expect, test } from "bun:test";
import { activate } from "./activation.ts";

const output = { name: "logits", temperature: 1 };

describe("activate", () => {
  test("softmax sums to one and keeps the order", () => {
    const [low, high] = activate([0, Math.log(3)], { ...output, activation: "softmax" });
    expect(low).toBeCloseTo(0.25, 6);
    expect(high).toBeCloseTo(0.75, 6);
  });

  test("softmax survives logits whose exponentials don't", () => {
    expect(activate([5000, 0], { ...output, activation: "softmax" })).toEqual([1, 0]);
  });

  test("a temperature above one makes it less sure", () => {
    const warm = activate([0, 2 * Math.log(3)], {
      ...output,
      temperature: 2,
      activation: "softmax",
    });
    expect(warm[1]).toBeCloseTo(0.75, 6);
  });

  test("sigmoid treats each label on its own", () => {
    const [half, most] = activate([0, Math.log(9)], { ...output, activation: "sigmoid" });
    expect(half).toBeCloseTo(0.5, 6);
    expect(most).toBeCloseTo(0.9, 6);
  });

  test("none passes probabilities on, kept within 0..1", () => {
    const probabilities = activate([0.2, 1.0000001, -0.1], { ...output, activation: "none" });
    expect(probabilities).toEqual([0.2, 1, 0]);
  });

  test("refuses what is no number", () => {
    expect(() => activate([1, NaN], { ...output, activation: "softmax" })).toThrow(RangeError);
    expect(() => activate([1, Infinity], { ...output, activation: "sigmoid" })).toThrow(RangeError);
  });
});
