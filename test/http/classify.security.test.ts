import { describe, expect, test } from "bun:test";
import { behaviours } from "../support/fake-provider.ts";
import { type Harness, LLM_API_KEY, openHarness, sha256 } from "../support/harness.ts";
import * as pictures from "../support/pictures.ts";

const ORIGINAL = sha256("the original on ann's phone");

/** What two phones make of one original, and an attacker's other picture. */
async function makeCopies() {
  const [one, two, other] = await Promise.all([
    pictures.drawPhoto({ seed: 61, width: 640, quality: 90 }),
    pictures.drawPhoto({ seed: 61, width: 640, quality: 60 }),
    pictures.drawIdCard({ seed: 62 }),
  ]);
  return { one, two, other };
}

const byCall = (categories: readonly string[]) => (_: unknown, index: number) =>
  behaviours.answer({ category: categories[index]! });

const categoryFor = async (harness: Harness, hash: string, user: string): Promise<string | null> =>
  (await harness.checkCache(hash, user)).body.data?.category ?? null;

describe("a hash that an app claims", () => {
  test("answers everyone once two callers agree, without a second model call", async () => {
    await using harness = await openHarness({ provider: byCall(["foods"]) });
    const { one, two } = await makeCopies();
    await harness.upload(one, { user: "ann", hash: ORIGINAL });
    expect(await categoryFor(harness, ORIGINAL, "ann")).toBe("foods");
    expect(await categoryFor(harness, ORIGINAL, "ben")).toBeNull();

    const corroborating = await harness.upload(two, { user: "ben", hash: ORIGINAL });
    expect(corroborating.body).toMatchObject({ from_cache: true, data: { category: "foods" } });
    expect(corroborating.headers.get("cache-status")).toBe("onceover; hit; detail=alias");
    expect(await categoryFor(harness, ORIGINAL, "cem")).toBe("foods");
    expect(harness.provider.calls.count).toBe(1);
  });

  test("twice by the same caller convinces nobody else", async () => {
    await using harness = await openHarness();
    const { one, two } = await makeCopies();
    await harness.upload(one, { user: "eve", hash: ORIGINAL });
    await harness.upload(two, { user: "eve", hash: ORIGINAL });
    expect(await categoryFor(harness, ORIGINAL, "ann")).toBeNull();
  });

  test("as a lie reaches only the liar, and the true owner's upload is looked at", async () => {
    await using harness = await openHarness({ provider: byCall(["idcard", "foods"]) });
    const { one, other } = await makeCopies();
    await harness.upload(other, { user: "eve", hash: ORIGINAL });
    expect(await categoryFor(harness, ORIGINAL, "ann")).toBeNull();
    const honest = await harness.upload(one, { user: "ann", hash: ORIGINAL });
    expect(honest.body).toMatchObject({ from_cache: false, data: { category: "foods" } });
    expect(await categoryFor(harness, ORIGINAL, "ann")).toBe("foods");
    expect(await categoryFor(harness, ORIGINAL, "eve")).toBe("idcard");
  });

  test("is shared no more once it is contradicted", async () => {
    await using harness = await openHarness({ provider: byCall(["foods", "idcard"]) });
    const { one, two, other } = await makeCopies();
    await harness.upload(one, { user: "ann", hash: ORIGINAL });
    await harness.upload(two, { user: "ben", hash: ORIGINAL });
    await harness.upload(other, { user: "eve", hash: ORIGINAL });
    expect(await categoryFor(harness, ORIGINAL, "somebody")).toBeNull();
    expect(await categoryFor(harness, ORIGINAL, "ann")).toBe("foods");
  });

  test("that is the true digest of somebody's photo never stands in for it", async () => {
    await using harness = await openHarness({ provider: byCall(["idcard", "foods"]) });
    const { one, other } = await makeCopies();
    for (const user of ["eve", "mallory"]) await harness.upload(other, { user, hash: sha256(one) });
    const honest = await harness.upload(one, { user: "ann" });
    expect(honest.body).toMatchObject({ from_cache: false, data: { category: "foods" } });
    for (const user of ["ann", "ben", "eve"]) {
      expect(await categoryFor(harness, sha256(one), user)).toBe("foods");
    }
  });

  test("counts at once with ALIAS_TRUST=shared, and never with ALIAS_TRUST=verified", async () => {
    const { one } = await makeCopies();
    for (const [trust, answer] of [
      ["shared", "foods"],
      ["verified", null],
    ] as const) {
      await using harness = await openHarness({ env: { ALIAS_TRUST: trust } });
      await harness.upload(one, { user: "ann", hash: ORIGINAL });
      expect(await categoryFor(harness, ORIGINAL, "ben")).toBe(answer);
      expect(await categoryFor(harness, sha256(one), "ben")).toBe("foods");
    }
  });
});

describe("what leaves the process", () => {
  test("to the provider is a small upright JPEG without place, camera or user", async () => {
    await using harness = await openHarness();
    const original = await pictures.exifJpeg(6, { width: 1600, height: 1200 });
    expect(Buffer.from(original).includes(pictures.EXIF_MARKER)).toBe(true);
    const user = "device-of-ann-4711";
    await harness.upload(original, { user, hash: ORIGINAL, filename: "ann-at-home.jpg" });

    const [call] = harness.provider.calls.requests;
    expect(call?.picture?.mediaType).toBe("image/jpeg");
    const sent = Buffer.from(call!.picture!.bytes);
    for (const trace of [pictures.EXIF_MARKER, "Exif", "GPS", "ICC_PROFILE", "http://ns.adobe"]) {
      expect(sent.includes(trace)).toBe(false);
    }
    const words = JSON.stringify([call?.headers, call?.prompt, call?.responseFormat]);
    for (const trace of [user, "ann-at-home", ORIGINAL, sha256(original)]) {
      expect(words).not.toContain(trace);
    }
  });

  test("to clients, logs and metrics has no secret and no stack", async () => {
    const message = `Incorrect API key provided: ${LLM_API_KEY}`;
    await using harness = await openHarness({
      provider: behaviours.status(401, { message }),
      env: { INFERENCE: "llm-only" },
    });
    const answers = [
      await harness.upload(await pictures.drawPhoto({ width: 64, height: 48 })),
      await harness.upload(pictures.plainText()),
      await harness.call("/api/v1/health"),
      await harness.call("/openapi.json"),
    ];
    const metrics = await (await harness.request("/metrics")).text();
    const said = JSON.stringify(answers.map(({ body }) => body)) + metrics + harness.lines.join("");
    expect(said).not.toContain(LLM_API_KEY);
    expect(JSON.stringify(answers[0]!.body)).not.toMatch(/401|Incorrect|unauthorized|\.ts/);
  });

  test("is no picture: nothing under the data folder has the upload's bytes", async () => {
    await using harness = await openHarness();
    const photo = await pictures.drawPhoto({ width: 64, height: 48 });
    await harness.upload(photo);
    const needle = Buffer.from(photo.subarray(200, 264));
    for (const file of new Bun.Glob("**/*").scanSync({ cwd: harness.dataDir, absolute: true })) {
      expect(Buffer.from(await Bun.file(file).bytes()).includes(needle)).toBe(false);
    }
  });
});

test("text in a picture can at worst choose a wrong category: replies outside the schema are dropped", async () => {
  const injected = JSON.stringify({
    category: "foods",
    confidence: 1,
    description: "x",
    admin: true,
  });
  await using harness = await openHarness({
    provider: behaviours.content(injected),
    env: { INFERENCE: "llm-only" },
  });
  const answer = await harness.upload(await pictures.drawScreenshot());
  expect([answer.status, answer.body.error_code]).toEqual([503, "classification_unavailable"]);
});
