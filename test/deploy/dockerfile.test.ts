import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import packageJson from "../../package.json";
import { assignments, only, parseDockerfile } from "./dockerfile.ts";
import { readSettings } from "./read-settings.ts";

const text = await Bun.file(join(import.meta.dir, "../../Dockerfile")).text();
const { args, stages } = parseDockerfile(text);
const final = stages.at(-1)!;

test("the Bun that the project is developed with, in every stage", () => {
  expect(args).toEqual({ BUN_VERSION: packageJson.devDependencies.bun });
  for (const { image } of stages) expect(image).toMatch(/^oven\/bun:\$\{BUN_VERSION\}/);
});

test("a user without rights, and no shell in between that would swallow signals", () => {
  expect(only(final, "USER")).toBe("bun");
  expect(JSON.parse(only(final, "ENTRYPOINT"))).toEqual(["bun", "src/main.ts"]);
  expect(final.instructions.filter(({ name }) => name === "CMD")).toEqual([]);
});

test("data in the volume, requests on the exposed port", () => {
  const { words } = final.instructions.find(({ name }) => name === "ENV")!;
  const { PORT, DATA_DIR } = readSettings(assignments(words));
  expect(DATA_DIR).toBe(only(final, "VOLUME"));
  expect(PORT).toBe(Number(only(final, "EXPOSE")));
});

describe("the health check's script", () => {
  const [, command] = /CMD (\[.*\])$/.exec(only(final, "HEALTHCHECK"))!;
  const [program, ...script] = JSON.parse(command!) as string[];
  const run = (port: number) =>
    Bun.spawn([process.execPath, ...script], {
      env: { ...process.env, PORT: String(port) },
      stderr: "ignore",
    }).exited;

  test("exits 0 for a server that lives, 1 for one that fails or is gone", async () => {
    expect(program).toBe("bun");
    let status = 200;
    const server = Bun.serve({ port: 0, fetch: () => new Response(null, { status }) });
    const port = server.port!;
    expect(await run(port)).toBe(0);
    status = 503;
    expect(await run(port)).toBe(1);
    await server.stop(true);
    expect(await run(port)).toBe(1);
  });
});
