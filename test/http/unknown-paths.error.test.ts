import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ROUTES } from "../support/check-response.ts";
import { expectProblem, type Harness, openHarness } from "../support/harness.ts";
import { openConnection } from "../support/http-connection.ts";

let harness: Harness;

beforeAll(async () => {
  harness = await openHarness();
});
afterAll(() => harness[Symbol.asyncDispose]());

describe("an unknown path", () => {
  test.each([
    "/nowhere",
    "/api/v1",
    "/api/v1/classify/",
    "/api/v2/classify",
    "/API/V1/CLASSIFY",
    "/docs/../../etc/passwd",
    "/docs/%2e%2e/package.json",
    "/docs/swagger-ui.js.map",
    "/%00",
    "/%ff%fe",
    `/${"x".repeat(2_000)}`,
    "/%3Cscript%3Ealert(1)%3C/script%3E",
  ])("is a problem document: %s", async (path) => {
    for (const method of ["GET", "POST", "DELETE"]) {
      expectProblem(await harness.call(path, { method }), 404, "not_found");
    }
  });

  test("is one for HEAD too, without a body", async () => {
    const response = await harness.request("/nowhere", { method: "HEAD" });
    expect(response.status).toBe(404);
    expect(await response.text()).toBe("");
  });
});

const others = (method: string) =>
  ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].filter((other) => other !== method);

describe("a method that a path does not have", () => {
  test.each(ROUTES.map(({ method, path }) => [method.toUpperCase(), path] as const))(
    "is refused with the ones it has: %s %s",
    async (method, path) => {
      for (const other of others(method)) {
        const answer = await harness.call(path, { method: other });
        expectProblem(answer, 405, "method_not_allowed");
        expect(answer.headers.get("allow")).toBe(method === "GET" ? "GET, HEAD" : method);
      }
    },
  );

  test("is refused on pages too", async () => {
    for (const path of ["/", "/docs", "/openapi.json", "/docs/start.js"]) {
      expectProblem(await harness.call(path, { method: "POST" }), 405, "method_not_allowed");
    }
  });

  test("HEAD is possible wherever GET is", async () => {
    for (const path of ["/", "/docs", "/openapi.json", "/livez", "/api/v1/health", "/metrics"]) {
      const response = await harness.request(path, { method: "HEAD" });
      expect([path, response.status, await response.text()]).toEqual([path, 200, ""]);
    }
  });
});

test("a query is no part of the path", async () => {
  expect((await harness.request("/livez?probe=1&x=%zz")).status).toBe(200);
});

test("nonsense instead of HTTP closes the connection and harms nobody", async () => {
  for (const bytes of ["\x16\x03\x01\x02\x00\x01", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n"]) {
    using connection = openConnection(harness.url);
    connection.write(bytes);
    const answer = await connection.response().catch(() => null);
    if (answer) expect(answer.status).toBeGreaterThanOrEqual(400);
  }
  expect((await harness.request("/livez")).status).toBe(200);
});
