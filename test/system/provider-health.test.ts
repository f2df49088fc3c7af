import { expect, test } from "bun:test";
import { behaviours, startFakeProvider } from "../support/fake-provider.ts";
import { type InProcessServer, openInProcessServer } from "../support/in-process-server.ts";
import { drawPhoto } from "../support/pictures.ts";

interface Health {
  model_api: string;
  details: {
    language_model: { available: boolean; model: string };
    language_models: { name: string; circuit: string; reason: string | null; since: string }[];
  };
}

async function readHealth(server: InProcessServer): Promise<Health> {
  const response = await server.handleRequest(new Request("http://localhost/api/v1/health"));
  return (await response.json()) as Health;
}

test("health tells which provider is open and why, and who answers meanwhile", async () => {
  const message = "key sk-secret of organization org-42 is not good";
  const first = startFakeProvider({ behaviour: behaviours.status(401, { message }) });
  first.behaveToProbes(behaviours.status(401));
  const second = startFakeProvider();
  {
    await using server = await openInProcessServer({
      INFERENCE: "llm-only",
      LLM_BASE_URL: first.baseUrl,
      LLM_MODEL: "cheap",
      LLM_FALLBACK_BASE_URL: second.baseUrl,
      LLM_FALLBACK_MODEL: "strong",
    });
    const [firstName, secondName] = [first, second].map(({ baseUrl }) => new URL(baseUrl).host);
    expect((await readHealth(server)).details.language_models).toMatchObject([
      { name: firstName, model: "cheap", circuit: "closed", reason: null },
      { name: secondName, model: "strong", circuit: "closed", reason: null },
    ]);

    const answer = await server.classify(await drawPhoto({ seed: 1 }));
    expect(await answer.json()).toMatchObject({ data: { provider: secondName, model: "strong" } });
    const oneDown = await readHealth(server);
    expect(oneDown.model_api).toBe("available");
    expect(oneDown.details.language_models[0]).toMatchObject({
      circuit: "open",
      reason: "unauthorized",
      since: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    });
    expect(JSON.stringify(oneDown)).not.toMatch(/sk-|org-42/);

    second.behave(behaviours.status(403));
    expect((await server.classify(await drawPhoto({ seed: 2 }))).status).toBe(503);
    expect(await readHealth(server)).toMatchObject({
      model_api: "not_configured",
      details: { language_model: { available: false, model: "cheap" } },
    });
  }
  await Promise.all([first.stop(), second.stop()]);
});
