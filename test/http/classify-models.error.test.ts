import { describe, expect, test } from "bun:test";
import { behaviours } from "../support/fake-provider.ts";
import { expectProblem, LLM_API_KEY, openHarness, sha256 } from "../support/harness.ts";
import * as pictures from "../support/pictures.ts";
import { waitFor } from "../support/wait-for.ts";

const small = { width: 96, height: 72 };

describe("when the language model cannot answer", () => {
  test.each([
    ["fails", behaviours.status(500)],
    ["refuses the key", behaviours.status(401, { message: `Incorrect key: ${LLM_API_KEY}` })],
    ["is rate-limited", behaviours.status(429)],
    ["talks nonsense", behaviours.content("I think it is a lovely bowl of noodles!")],
    ["invents a category", behaviours.answer({ category: "noodles" })],
    ["declines", behaviours.refusal()],
    ["cuts the connection", behaviours.cutBeforeAnswer()],
    ["sends a page", behaviours.body("<html>502</html>", "text/html")],
  ])("and nothing else may: it %s, 503, and nothing is kept", async (_, behaviour) => {
    await using harness = await openHarness({
      provider: behaviour,
      env: { INFERENCE: "llm-only" },
    });
    const photo = await pictures.drawPhoto({ seed: 51, ...small });
    const hash = sha256("the original of 51");
    const answer = await harness.upload(photo, { user: "ann", hash });
    expectProblem(answer, 503, "classification_unavailable");
    expect(answer.headers.get("retry-after")).toBe("5");
    expect(JSON.stringify(answer.body)).not.toContain(LLM_API_KEY);
    for (const asked of [hash, sha256(photo)]) {
      expect((await harness.checkCache(asked, "ann")).body.cached).toBe(false);
    }
  });

  test("and hangs, the answer still comes within the deadline", async () => {
    const env = { REQUEST_DEADLINE_MS: "1000", LLM_TIMEOUT_MS: "60000" };
    await using harness = await openHarness({ provider: behaviours.hang(), env });
    const startedAt = performance.now();
    const answer = await harness.upload(await pictures.drawPhoto({ seed: 52, ...small }));
    expectProblem(answer, 503, "classification_unavailable");
    expect(performance.now() - startedAt).toBeLessThan(4_000);
  });

  test("the local model does, provisionally, until the language model is back", async () => {
    await using harness = await openHarness({ provider: behaviours.status(500), localModel: true });
    const photo = await pictures.animation("gif");
    const { body, headers } = await harness.upload(photo);
    expect(body).toMatchObject({ success: true, from_cache: false });
    expect(body.data).toMatchObject({
      category: "foods",
      inference_method: "local_fallback",
      provisional: true,
      local_inference_result: { model: "tiny" },
    });
    expect(headers.get("cache-status")).toBe("onceover; fwd=miss; stored");
    const meanwhile = await harness.checkCache(sha256(photo));
    expect(meanwhile.body.data.provisional).toBe(true);

    harness.provider.behave(behaviours.answer({ category: "pets", description: "A red cat" }));
    const upgraded = await waitFor("the upgrade", async () => {
      const { data } = (await harness.checkCache(sha256(photo))).body;
      return data.provisional ? null : data;
    });
    expect(upgraded).toMatchObject({
      category: "pets",
      inference_method: "llm",
      description: "A red cat",
      local_inference_result: null,
    });
  });
});

test("an answer under confidence 0.3 is given and not kept", async () => {
  await using harness = await openHarness({ provider: behaviours.answer({ confidence: 0.29 }) });
  const photo = await pictures.drawPhoto({ seed: 53, ...small });
  for (let round = 1; round <= 2; round++) {
    const { body, headers } = await harness.upload(photo);
    expect(body).toMatchObject({ from_cache: false, data: { confidence: 0.29 } });
    expect(headers.get("cache-status")).toBe("onceover; fwd=miss");
    expect(harness.provider.calls.count).toBe(round);
  }
  expect((await harness.checkCache(sha256(photo))).body.cached).toBe(false);
});

test("an answer is given while the database is down, and known meanwhile", async () => {
  await using harness = await openHarness({ env: { DATABASE_URL: "mysql://root@127.0.0.1:1/x" } });
  const photo = await pictures.drawPhoto({ seed: 54, ...small });
  const first = await harness.upload(photo);
  expect(first.body).toMatchObject({ success: true, from_cache: false });
  expect(first.headers.get("cache-status")).toBe("onceover; fwd=miss; stored");
  expect((await harness.upload(photo)).body.from_cache).toBe(true);
  expect((await harness.checkCache(sha256(photo))).body.cached).toBe(true);
  const health = await harness.call("/api/v1/health");
  expect(health.body.details.journal_entries).toBe(1);
});
