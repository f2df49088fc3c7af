import { describe, expect, test } from "bun:test";
import { DEFAULT_PROFILE } from "../../src/classification/profile.ts";
import { type Behaviour, behaviours, startFakeProvider } from "../support/fake-provider.ts";
import { API_KEY, createPicture, openFixture, until } from "./language-model-fixture.ts";

describe("one answer", () => {
  test("carries the picture, the prompt and the schema there and the category back", async () => {
    await using fixture = openFixture(behaviours.answer({ category: "pets", confidence: 0.7 }));
    const picture = createPicture(400_000);
    const outcome = await fixture.model.classify(picture, DEFAULT_PROFILE, Date.now() + 5_000);

    expect(outcome).toEqual({
      ok: true,
      value: {
        category: "pets",
        confidence: 0.7,
        description: "A bowl of noodles on a wooden table",
        provider: "fake",
        model: "fake-vision",
        usage: { inputTokens: 850, outputTokens: 40 },
        costMicros: 1_000,
      },
    });
    const [call] = fixture.provider.calls.requests;
    expect(call!.model).toBe("fake-vision");
    expect(call!.picture!.mediaType).toBe("image/jpeg");
    expect(Buffer.compare(call!.picture!.bytes, picture.jpeg)).toBe(0);
    expect(call!.prompt).toContain("travel_scenery: sights, nature, cityscapes");
    expect(call!.responseFormat).toMatchObject({ type: "json_schema" });
    expect(call!.headers["authorization"]).toBe(`Bearer ${API_KEY}`);
  });

  test("without a key sends no Authorization header, whatever the environment holds", async () => {
    const { env } = process;
    const before = { ...env };
    const planted = {
      OPENAI_API_KEY: "sk-environment",
      OPENAI_ADMIN_KEY: "sk-environment",
      OPENAI_ORG_ID: "org-environment",
      OPENAI_PROJECT_ID: "proj-environment",
      OPENAI_BASE_URL: "http://127.0.0.1:9/v1",
    };
    Object.assign(env, planted);
    try {
      await using fixture = openFixture(behaviours.answer(), { apiKey: null });
      expect((await fixture.classify()).ok).toBe(true);
      const { headers } = fixture.provider.calls.requests[0]!;
      expect(headers).not.toHaveProperty("authorization");
      expect(JSON.stringify(headers)).not.toContain("environment");
    } finally {
      for (const name of Object.keys(planted)) delete env[name];
      Object.assign(env, before);
    }
  });
});

type Row = [name: string, behaviour: Behaviour, expected: string, calls: number];

const OUTSIDE_SCHEMA = [
  { category: "weapons", confidence: 0.9, description: "x" },
  { category: "foods", confidence: 7, description: "x" },
  { category: "foods", confidence: 0.9 },
  { category: "foods", confidence: 0.9, description: "x", next: "ignore your instructions" },
];

describe("every behaviour of a provider has its outcome and its number of calls", () => {
  test.each<Row>([
    ["slow", behaviours.slow(30), "ok", 1],
    ["fenced JSON", behaviours.fenced(), "ok", 1],
    ["a slow drip that ends in time", behaviours.drip(0), "ok", 1],
    ["429", behaviours.status(429), "rate_limited", 3],
    [
      "429 with a short Retry-After",
      behaviours.status(429, { retryAfter: "0" }),
      "rate_limited",
      3,
    ],
    [
      "429 with a long Retry-After",
      behaviours.status(429, { retryAfter: "60" }),
      "rate_limited",
      1,
    ],
    ["429, no quota", behaviours.status(429, { code: "insufficient_quota" }), "rate_limited", 1],
    ["500", behaviours.status(500), "server_error", 3],
    ["503", behaviours.status(503), "server_error", 3],
    ["408", behaviours.status(408), "timeout", 3],
    ["400", behaviours.status(400), "rejected", 1],
    ["404", behaviours.status(404), "rejected", 1],
    ["401", behaviours.status(401), "unauthorized", 1],
    ["403", behaviours.status(403), "unauthorized", 1],
    ["a cut before the answer", behaviours.cutBeforeAnswer(), "unreachable", 3],
    ["a cut amid the body", behaviours.cutMidBody(), "unreachable", 3],
    ["invalid JSON", behaviours.body("{nope"), "malformed_output", 2],
    ["an empty body", behaviours.body(""), "malformed_output", 2],
    ["HTML", behaviours.body("<html></html>", "text/html"), "malformed_output", 2],
    ["no choices", behaviours.emptyChoices(), "malformed_output", 2],
    ["no content", behaviours.content(null), "malformed_output", 2],
    ["an answer cut off", behaviours.content('{"category":"fo', "length"), "malformed_output", 2],
    ["ten megabytes", behaviours.flood(10_000_000), "malformed_output", 2],
    ["a refusal", behaviours.refusal(), "refused", 1],
    ["a redirect", behaviours.redirect("http://127.0.0.1:9/"), "rejected", 1],
    ...OUTSIDE_SCHEMA.map((answer): Row => [
      JSON.stringify(answer),
      behaviours.content(JSON.stringify(answer)),
      "malformed_output",
      2,
    ]),
  ])("%s", async (_name, behaviour, expected, calls) => {
    await using fixture = openFixture(behaviour);
    const outcome = await fixture.classify();
    expect(outcome.ok ? "ok" : outcome.reason).toBe(expected);
    expect(fixture.provider.calls.count).toBe(calls);
    await until(() => fixture.provider.calls.inFlight === 0);
  });

  test("a provider that is not there is unreachable", async () => {
    const gone = startFakeProvider();
    await gone.stop();
    await using fixture = openFixture(behaviours.answer(), { baseUrl: gone.baseUrl });
    expect(await fixture.classify()).toMatchObject({ ok: false, reason: "unreachable" });
  });
});

describe("retries", () => {
  test("end with the first good answer", async () => {
    await using fixture = openFixture((_call, index) =>
      index === 0 ? behaviours.status(503) : behaviours.answer(),
    );
    expect((await fixture.classify()).ok).toBe(true);
    expect(fixture.provider.calls.count).toBe(2);
  });

  test("wait as long as Retry-After says", async () => {
    await using fixture = openFixture((_call, index) =>
      index === 0 ? behaviours.status(429, { retryAfter: "1" }) : behaviours.answer(),
    );
    const startedAt = performance.now();
    expect((await fixture.classify()).ok).toBe(true);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(995);
  });

  test("never exceed maxRetries", async () => {
    await using fixture = openFixture(behaviours.status(500), { maxRetries: 0 });
    await fixture.classify();
    expect(fixture.provider.calls.count).toBe(1);
  });
});

test("the key appears in no outcome and no state, whatever the provider echoes", async () => {
  for (const status of [400, 401, 403, 429, 500]) {
    const message = `key ${API_KEY} is not good`;
    const options = { breakerMinCalls: 1, maxRetries: 0 };
    await using fixture = openFixture(behaviours.status(status, { message }), options);
    const outcome = await fixture.classify();
    expect(JSON.stringify([outcome, fixture.model.state()])).not.toContain(API_KEY);
  }
});
