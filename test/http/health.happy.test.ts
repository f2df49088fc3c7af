import { expect, test } from "bun:test";
import { behaviours } from "../support/fake-provider.ts";
import { openHarness } from "../support/harness.ts";
import { drawPhoto } from "../support/pictures.ts";
import { waitFor } from "../support/wait-for.ts";

const small = { width: 64, height: 48 };

test("with a language model that answers, apps may use the server", async () => {
  await using harness = await openHarness();
  const { status, body } = await harness.call("/api/v1/health");
  expect(status).toBe(200);
  expect(body).toMatchObject({
    status: "healthy",
    database: "connected",
    redis: "not_configured",
    model_api: "available",
    version: "0.0.0-test",
    details: {
      store: "sqlite",
      inference: "llm-first",
      profile: expect.stringMatching(/^[0-9a-f]{12}$/),
      language_model: { configured: true, available: true, model: "fake-vision" },
      local_model: { name: null, available: false },
      journal_entries: 0,
      upgrades_waiting: 0,
    },
  });
  expect(Math.abs(Date.parse(body.timestamp) - Date.now())).toBeLessThan(10_000);
});

test("with the local model alone it is healthy, the model degraded", async () => {
  await using harness = await openHarness({ provider: null, localModel: true });
  const { body } = await harness.call("/api/v1/health");
  expect(body).toMatchObject({ status: "healthy", database: "connected", model_api: "degraded" });
  expect(body.details.language_model).toEqual({ configured: false, available: false, model: null });
  expect(body.details.local_model).toEqual({ name: "tiny@1.2.3", available: true });
});

test("when the language model's circuit opens, the local model carries on, degraded", async () => {
  await using harness = await openHarness({ provider: behaviours.status(401), localModel: true });
  await harness.upload(await drawPhoto({ seed: 1, ...small }));
  const { body } = await harness.call("/api/v1/health");
  expect(body).toMatchObject({ status: "healthy", model_api: "degraded" });
  expect(body.details.upgrades_waiting).toBe(1);
});

test("when neither model can answer it is unhealthy", async () => {
  await using harness = await openHarness({ provider: behaviours.status(401) });
  await harness.upload(await drawPhoto({ seed: 2, ...small }));
  const { status, body } = await harness.call("/api/v1/health");
  expect([status, body.status, body.database]).toEqual([200, "unhealthy", "connected"]);
  expect(body.model_api).not.toBe("available");
});

test("in a mode that never asks it, the language model does not count", async () => {
  await using harness = await openHarness({ localModel: true, env: { INFERENCE: "local-only" } });
  await waitFor("the health", async () => {
    const { body } = await harness.call("/api/v1/health");
    return body.status === "healthy" && body.model_api === "degraded";
  });
});
