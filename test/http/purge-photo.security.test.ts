import { expect, test } from "bun:test";
import { ADMIN_TOKEN, expectProblem, openHarness, sha256 } from "../support/harness.ts";
import { drawPhoto } from "../support/pictures.ts";

const GUESS = "a-guess-that-is-long-enough";

test.each([
  ["no token", null],
  ["an empty one", "Bearer "],
  ["a wrong one", `Bearer ${GUESS}`],
  ["a part of it", `Bearer ${ADMIN_TOKEN.slice(0, -1)}`],
  ["more than it", `Bearer ${ADMIN_TOKEN}x`],
  ["two", `Bearer ${ADMIN_TOKEN} ${ADMIN_TOKEN}`],
  ["another scheme", `Basic ${btoa(`admin:${ADMIN_TOKEN}`)}`],
  ["the token without its scheme", ADMIN_TOKEN],
])("%s purges nothing", async (_, authorization) => {
  await using harness = await openHarness();
  const photo = await drawPhoto({ seed: 21, width: 64, height: 48 });
  await harness.upload(photo);
  const headers: Record<string, string> = authorization ? { Authorization: authorization } : {};
  const answer = await harness.call(`/api/v1/admin/results/${sha256(photo)}`, {
    method: "DELETE",
    headers,
  });
  expectProblem(answer, 401, "unauthorized");
  expect(answer.headers.get("www-authenticate")).toBe("Bearer");
  expect((await harness.checkCache(sha256(photo))).body.cached).toBe(true);

  const line = harness.lines.find((text) => text.includes("administration refused"));
  expect(line).toContain(answer.body.request_id);
  expect(harness.lines.join("")).not.toContain(ADMIN_TOKEN);
  expect(harness.lines.join("")).not.toContain(GUESS);
});

test("what is wrong with a hash is told to the administrator alone", async () => {
  await using harness = await openHarness();
  const answer = await harness.call("/api/v1/admin/results/xyz", { method: "DELETE" });
  expectProblem(answer, 401, "unauthorized");
});

test("the scheme's name is not case-sensitive", async () => {
  await using harness = await openHarness();
  const answer = await harness.call(`/api/v1/admin/results/${sha256("unknown")}`, {
    method: "DELETE",
    headers: { Authorization: `bearer ${ADMIN_TOKEN}` },
  });
  expectProblem(answer, 404, "not_found");
});
