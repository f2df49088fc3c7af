import { beforeAll, describe, expect, test } from "bun:test";
import { ERROR_CODES } from "../../src/errors.ts";
import { STATUS_OF } from "../../src/http/errors.ts";
import { ROUTES } from "../support/check-response.ts";
import { openHarness } from "../support/harness.ts";

interface Operation {
  operationId: string;
  summary: string;
  tags: string[];
  security?: Record<string, string[]>[];
  requestBody?: { required: boolean; content: Record<string, { schema: unknown }> };
  responses: Record<string, { description: string; content?: Record<string, { schema: unknown }> }>;
}

interface Description {
  openapi: string;
  info: { title: string; version: string };
  tags: { name: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { securitySchemes: Record<string, unknown> };
}

let description: Description;
let operations: Operation[];

beforeAll(async () => {
  await using harness = await openHarness();
  const { status, headers, body } = await harness.call("/openapi.json");
  expect([status, headers.get("content-type")]).toEqual([200, "application/json"]);
  description = body;
  operations = Object.values(description.paths).flatMap((methods) => Object.values(methods));
});

/** Every value of an object tree with its key. */
function* entriesOf(tree: unknown): Generator<[string, unknown]> {
  if (typeof tree !== "object" || tree === null) return;
  for (const [key, value] of Object.entries(tree)) {
    yield [key, value];
    yield* entriesOf(value);
  }
}

function resolve(reference: string): unknown {
  const steps = reference.replace(/^#\//, "").split("/");
  return steps.reduce<unknown>(
    (tree, step) => (tree as Record<string, unknown>)[step],
    description,
  );
}

/** Whether a schema, or one that it refers to, shows an example. */
function hasExample(schema: unknown): boolean {
  return [...entriesOf({ schema })].some(
    ([key, value]) =>
      key === "example" ||
      key === "examples" ||
      (key === "$ref" && hasExample(resolve(String(value)))),
  );
}

const codesOf = (text: string) => [...text.matchAll(/`([a-z_]+)`/g)].map(([, code]) => code!);

describe("the OpenAPI description", () => {
  test("is of version 3.1 and describes every route once", () => {
    expect(description.openapi).toMatch(/^3\.1\.\d+$/);
    expect(description.info).toMatchObject({ title: "onceover", version: "0.0.0-test" });
    const described = Object.entries(description.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(described.toSorted()).toEqual(
      ROUTES.map(({ method, path }) => `${method} ${path}`).toSorted(),
    );
  });

  test("gives every operation an id of its own, a summary and a known tag", () => {
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const tags = description.tags.map(({ name }) => name);
    for (const operation of operations) {
      expect(operation.operationId).toMatch(/^[a-z][A-Za-z]+$/);
      expect(operation.summary.length).toBeGreaterThan(10);
      expect(tags).toContain(operation.tags[0]!);
    }
  });

  test("has no reference that leads nowhere", () => {
    for (const [key, value] of entriesOf(description)) {
      if (key === "$ref") expect(resolve(String(value))).toBeDefined();
    }
  });

  test("describes every response, its body with a schema", () => {
    for (const { responses } of operations) {
      for (const [status, response] of Object.entries(responses)) {
        expect(response.description).not.toBe("");
        const [mediaType, body] = Object.entries(response.content ?? {})[0]!;
        expect(body.schema).toBeDefined();
        if (Number(status) >= 400) expect(mediaType).toBe("application/problem+json");
      }
    }
  });

  test("shows an example of every JSON body of the classification", () => {
    for (const { tags, requestBody, responses } of operations) {
      if (!tags.includes("classification")) continue;
      const request = requestBody?.content["application/json"];
      if (request) expect(hasExample(request.schema)).toBe(true);
      expect(hasExample(responses["200"]?.content?.["application/json"]?.schema)).toBe(true);
    }
  });

  test("names under each status the error codes that have it, and no others", () => {
    for (const { responses } of operations) {
      for (const [status, { description }] of Object.entries(responses)) {
        if (Number(status) < 400) continue;
        const codes = codesOf(description);
        expect(codes.length).toBeGreaterThan(0);
        for (const code of codes) {
          expect<number>(STATUS_OF[code as keyof typeof STATUS_OF]).toBe(Number(status));
        }
      }
    }
  });

  test("says which operations need the administrator's token, and how it is sent", () => {
    const guarded = operations.filter(({ security }) => security);
    expect(guarded.map(({ operationId }) => operationId)).toEqual(["purgePhoto"]);
    for (const { security, tags, responses } of guarded) {
      expect([security, tags]).toEqual([[{ administrator: [] }], ["administration"]]);
      expect(codesOf(responses["401"]!.description)).toEqual(["unauthorized"]);
    }
    expect(description.components.securitySchemes["administrator"]).toMatchObject({
      type: "http",
      scheme: "bearer",
    });
  });

  test("documents every error code with some operation, but those that belong to none", () => {
    const documented = new Set(
      operations.flatMap(({ responses }) =>
        Object.values(responses).flatMap(({ description }) => codesOf(description)),
      ),
    );
    const missing = ERROR_CODES.filter((code) => !documented.has(code));
    expect(missing).toEqual(["method_not_allowed"]);
  });
});

test("docs/errors.md tells every error code with its status", async () => {
  const text = await Bun.file(new URL("../../docs/errors.md", import.meta.url)).text();
  const rows = [...text.matchAll(/^\| `([a-z_]+)` +\| (\d{3})/gm)];
  const told = rows.map(([, code, status]) => [code!, Number(status)]);
  expect(Object.fromEntries(told)).toEqual(STATUS_OF);
});
