import { expect, test } from "bun:test";
import { ADMIN_TOKEN, expectProblem, openHarness, sha256 } from "../support/harness.ts";

const asAdministrator = {
  method: "DELETE",
  headers: { Authorization: `Bearer ${ADMIN_TOKEN}` },
} as const;

test("a photo of which nothing is kept is not found", async () => {
  await using harness = await openHarness();
  const answer = await harness.call(`/api/v1/admin/results/${sha256("unknown")}`, asAdministrator);
  expectProblem(answer, 404, "not_found");
});

test.each(["xyz", "0".repeat(16), "0".repeat(63), "0".repeat(65), "g".repeat(64), "%00"])(
  "%s is no digest",
  async (hash) => {
    await using harness = await openHarness();
    const answer = await harness.call(`/api/v1/admin/results/${hash}`, asAdministrator);
    expectProblem(answer, 422, "validation_failed", ["image_hash"]);
  },
);

test("another method is refused, and told which is allowed", async () => {
  await using harness = await openHarness();
  const answer = await harness.call(`/api/v1/admin/results/${sha256("a")}`);
  expectProblem(answer, 405, "method_not_allowed");
  expect(answer.headers.get("allow")).toBe("DELETE");
});

test("a path without a hash is not there", async () => {
  await using harness = await openHarness();
  for (const path of ["/api/v1/admin/results/", "/api/v1/admin/results", "/api/v1/admin"])
    expectProblem(await harness.call(path, asAdministrator), 404, "not_found");
});

test("without the database nothing is purged, and the caller is told to try again", async () => {
  // Nobody listens at the discard port.
  const env = {
    DATABASE_URL: "mysql://root@127.0.0.1:9/none",
    DATABASE_ACQUIRE_TIMEOUT_MS: "200",
  };
  await using harness = await openHarness({ env });
  const answer = await harness.call(`/api/v1/admin/results/${sha256("a")}`, asAdministrator);
  expectProblem(answer, 503, "database_unavailable");
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
});
