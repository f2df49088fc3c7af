import { describe, expect, test } from "bun:test";
import { TaskCancelledError } from "cockatiel";
import { APIConnectionError, APIError, APIUserAbortError } from "openai";
import { ReplyTooLargeError } from "./bounded-fetch.ts";
import { parseRetryAfter, toFailure } from "./failure.ts";

const context = { now: Date.parse("2026-01-01T00:00:00Z"), apiKey: "sk-very-secret" };

function fromStatus(status: number, error: object = {}, headers = {}) {
  return toFailure(APIError.generate(status, { error }, undefined, new Headers(headers)), context);
}

describe("toFailure", () => {
  test.each([
    [400, "rejected", false, false],
    [401, "unauthorized", false, true],
    [403, "unauthorized", false, true],
    [404, "rejected", false, true],
    [408, "timeout", true, true],
    [413, "rejected", false, false],
    [422, "rejected", false, false],
    [429, "rate_limited", true, true],
    [500, "server_error", true, true],
    [503, "server_error", true, true],
    [529, "server_error", true, true],
    [307, "rejected", false, false],
  ] as const)("status %i is %s", (status, reason, isTransient, breaks) => {
    expect(fromStatus(status)).toMatchObject({ reason, isTransient, breaks });
  });

  test("an empty account is not waited for", () => {
    expect(fromStatus(429, { code: "insufficient_quota" }).isTransient).toBe(false);
  });

  test.each(["content_filter", "data_inspection_failed"])("400 %s is a refusal", (code) => {
    expect(fromStatus(400, { code }).reason).toBe("refused");
  });

  test("network errors, aborts, oversize and bad JSON", () => {
    const reset = Object.assign(new Error("x"), { code: "ECONNRESET" });
    expect(toFailure(new APIConnectionError({ cause: reset }), context)).toMatchObject({
      reason: "unreachable",
      detail: "connection failed: ECONNRESET",
    });
    const large = new APIConnectionError({ cause: new ReplyTooLargeError(9) });
    expect(toFailure(large, context).reason).toBe("malformed_output");
    expect(toFailure(new TaskCancelledError(), context).reason).toBe("timeout");
    expect(toFailure(new APIUserAbortError(), context).reason).toBe("timeout");
    expect(toFailure(new SyntaxError("x"), context).reason).toBe("malformed_output");
  });

  test("only a connection that never came about was surely not billed, and an error is free", () => {
    const from = (code: string) =>
      toFailure(
        new APIConnectionError({ cause: Object.assign(new Error("x"), { code }) }),
        context,
      );
    expect(from("ECONNREFUSED").charge).toBe("unsent");
    expect(from("ENOTFOUND").charge).toBe("unsent");
    expect(from("ECONNRESET").charge).toBe("likely");
    expect(toFailure(new TaskCancelledError(), context).charge).toBe("likely");
    expect(fromStatus(503).charge).toBe("free");
  });

  test("a bug of ours is not taken for a failure of theirs", () => {
    expect(() => toFailure(new TypeError("x is not a function"), context)).toThrow(TypeError);
  });

  test("details carry the provider's words, short, in one line and without the key", () => {
    const message = `bad\nimage for ${"x".repeat(170)}sk-very-secret and so on`;
    const { detail } = fromStatus(400, { message });
    expect(detail).toStartWith("HTTP 400: bad image for xx");
    expect(detail.length).toBeLessThanOrEqual(210);
    expect(detail).not.toContain("sk-");
    expect(fromStatus(401, { message: "Incorrect API key: sk-ve*****et" }).detail).toBe("HTTP 401");
  });
});

function read(headers: Record<string, string>): number | null {
  return parseRetryAfter(new Headers(headers), context.now);
}

describe("parseRetryAfter reads", () => {
  test("seconds, a date, and OpenAI's milliseconds first", () => {
    expect(read({ "retry-after": "2" })).toBe(2000);
    expect(read({ "retry-after": "0" })).toBe(0);
    expect(read({ "retry-after": "Thu, 01 Jan 2026 00:00:07 GMT" })).toBe(7000);
    expect(read({ "retry-after": "Thu, 01 Jan 2025 00:00:00 GMT" })).toBe(0);
    expect(read({ "retry-after": "9", "retry-after-ms": "150" })).toBe(150);
  });

  test("nothing out of nothing or nonsense", () => {
    expect(read({})).toBeNull();
    expect(read({ "retry-after": "soon" })).toBeNull();
    expect(parseRetryAfter(undefined, 0)).toBeNull();
  });
});
