import { describe, expect, test } from "bun:test";
import { createFailure } from "./failure.ts";
import { type FailedAttempts, planRetry } from "./retry-plan.ts";

const transient = createFailure("server_error", "HTTP 500", { isTransient: true });

function plan(attempts: Partial<FailedAttempts>, random = 0.5): number | null {
  const defaults = { failure: transient, count: 1, malformedCount: 0, remainingMs: 60_000 };
  return planRetry({ ...defaults, ...attempts }, { baseMs: 200, random: () => random });
}

describe("planRetry", () => {
  test("doubles, with jitter between half and all, up to four seconds", () => {
    expect(plan({ count: 1 }, 0)).toBe(100);
    expect(plan({ count: 1 }, 1)).toBe(200);
    expect(plan({ count: 3 }, 1)).toBe(800);
    expect(plan({ count: 40 }, 1)).toBe(4000);
  });

  test("waits at least as long as the provider asked", () => {
    const failure = { ...transient, retryAfterMs: 3000 };
    expect(plan({ failure }, 0)).toBe(3000);
    expect(plan({ failure }, 1)).toBe(3100);
  });

  test("gives up when the wait does not fit before the deadline", () => {
    expect(plan({ failure: { ...transient, retryAfterMs: 3000 }, remainingMs: 2900 })).toBeNull();
    expect(plan({ remainingMs: 50 })).toBeNull();
    expect(plan({ remainingMs: -1 })).toBeNull();
  });

  test("repeats neither what will stay wrong nor a second malformed answer", () => {
    expect(plan({ failure: createFailure("rejected", "HTTP 400") })).toBeNull();
    const malformed = createFailure("malformed_output", "nonsense", { isTransient: true });
    expect(plan({ failure: malformed, malformedCount: 1 })).toBeNumber();
    expect(plan({ failure: malformed, count: 2, malformedCount: 2 })).toBeNull();
  });
});
