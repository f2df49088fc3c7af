import { describe, expect, test } from "bun:test";
import { createProfile, DEFAULT_PROFILE } from "../classification/profile.ts";
import {
  createRequestBuilder,
  type RequestBuilderOptions,
  type StructuredOutput,
} from "./request.ts";

const jpeg = new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 1, 2, 3]);

function createBuilder(
  structuredOutput: StructuredOutput,
  options: Partial<RequestBuilderOptions> = {},
) {
  const vendors = { temperature: null, imageDetail: null };
  return createRequestBuilder({ model: "m", structuredOutput, ...vendors, ...options });
}

describe("buildRequest", () => {
  test("carries the picture as a data URL, after the instructions", () => {
    const build = createBuilder("prompt");
    const { messages, model } = build(jpeg, DEFAULT_PROFILE);
    expect(model).toBe("m");
    expect(messages.map(({ role }) => role)).toEqual(["system", "user"]);
    expect(messages[1]!.content).toContainEqual({
      type: "image_url",
      image_url: { url: `data:image/jpeg;base64,${Buffer.from(jpeg).toString("base64")}` },
    });
  });

  test("takes only the view's bytes of a larger buffer", () => {
    const build = createBuilder("prompt");
    const view = new Uint8Array(new Uint8Array(100).buffer, 10, 3);
    expect(JSON.stringify(build(view, DEFAULT_PROFILE))).toContain('base64,AAAA"');
  });

  test("json_schema is strict and lists the profile's categories", () => {
    const build = createBuilder("json_schema");
    const profile = createProfile({
      ...DEFAULT_PROFILE,
      categories: DEFAULT_PROFILE.categories.slice(0, 2),
    });
    expect(build(jpeg, profile).response_format).toMatchObject({
      type: "json_schema",
      json_schema: {
        strict: true,
        schema: {
          properties: { category: { enum: ["social_activities", "pets"] } },
          required: ["description", "category", "confidence"],
          additionalProperties: false,
        },
      },
    });
  });

  test("json_object says JSON in its messages; prompt asks for no format", () => {
    const object = createBuilder("json_object");
    const prompt = createBuilder("prompt");
    expect(object(jpeg, DEFAULT_PROFILE).response_format).toEqual({ type: "json_object" });
    expect(String(object(jpeg, DEFAULT_PROFILE).messages[0]!.content)).toContain("JSON");
    expect(prompt(jpeg, DEFAULT_PROFILE).response_format).toBeUndefined();
  });

  test("sends temperature and detail only where they are set", () => {
    const plain = JSON.stringify(createBuilder("prompt")(jpeg, DEFAULT_PROFILE));
    expect(plain).not.toMatch(/temperature|"detail"/);
    const build = createBuilder("prompt", { temperature: 0, imageDetail: "low" });
    const { messages, temperature } = build(jpeg, DEFAULT_PROFILE);
    expect(temperature).toBe(0);
    expect(messages[1]!.content).toContainEqual({
      type: "image_url",
      image_url: { url: expect.any(String), detail: "low" },
    });
  });

  test("two profiles do not mix", () => {
    const build = createBuilder("json_schema");
    const other = createProfile({ ...DEFAULT_PROFILE, prompt: "Other: {categories}" });
    const first = build(jpeg, DEFAULT_PROFILE);
    expect(String(build(jpeg, other).messages[0]!.content)).toStartWith("Other:");
    expect(build(jpeg, DEFAULT_PROFILE)).toEqual(first);
  });
});
