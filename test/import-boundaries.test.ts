import { expect, test } from "bun:test";
import { dirname, join, normalize } from "node:path";

/**
 * Which rooms of src/ each room may import, by folder or file. Imports point inwards: the domain knows
 * nobody, adapters know the domain and never each other (Redis is a means, not an adapter). The files
 * beside the rooms see everything, and so does cli/, for each command is a program of its own.
 */
const MAY_IMPORT: Record<string, readonly string[]> = {
  administration: [],
  budget: ["classification"],
  classification: ["errors.ts"],
  download: ["classification"],
  hashing: ["classification"],
  http: ["classification", "errors.ts", "telemetry"],
  imaging: ["classification"],
  inference: ["classification", "imaging"],
  invalidations: ["classification"],
  journal: ["classification"],
  leases: ["classification", "redis"],
  llm: ["classification"],
  profiles: ["classification"],
  recording: ["classification"],
  redis: ["classification", "with-deadline.ts"],
  schedules: ["classification"],
  settings: ["classification", "llm"],
  storage: ["classification", "redis", "with-deadline.ts"],
  supervisor: [],
  telemetry: ["classification"],
  upgrades: ["classification"],
};

/** Libraries that only one place may know, or some. */
const ONLY_IN: Record<string, string | readonly string[]> = {
  "onnxruntime-node": "inference/worker.ts",
  openai: "llm/",
  mysql2: "storage/mysql/",
  "drizzle-orm": "storage/",
  hono: "http/",
  "@hono/zod-openapi": "http/",
  sharp: "imaging/",
  "@upstash/redis": "redis/",
  "bun:ffi": ["supervisor/steer-connections.ts", "inference/return-freed-memory.ts"],
};

const SOURCE_ROOT = join(import.meta.dir, "..", "src");
const transpiler = new Bun.Transpiler({ loader: "ts" });

interface Import {
  file: string;
  target: string;
}

async function readImports(): Promise<Import[]> {
  const imports: Import[] = [];
  for await (const file of new Bun.Glob("**/*.ts").scan(SOURCE_ROOT)) {
    if (file.endsWith(".test.ts")) continue;
    const text = await Bun.file(join(SOURCE_ROOT, file)).text();
    // Type-only imports count too, and the transpiler drops them.
    const withTypes = text.replaceAll(/^(import|export) type /gm, "$1 ").replaceAll("type ", "");
    const specifiers = [...withTypes.matchAll(/^(?:import|export)\b[^;]*?from "([^"]+)";/gm)].map(
      ([, specifier]) => specifier!,
    );
    const scanned = transpiler.scanImports(text).map(({ path }) => path);
    for (const target of new Set([...specifiers, ...scanned])) imports.push({ file, target });
  }
  return imports;
}

const imports = await readImports();

test("every source file was read", () => {
  expect(imports.length).toBeGreaterThan(100);
});

test("every room is among those that are held to the rules", () => {
  const rooms = imports
    .filter(({ file }) => file.includes("/"))
    .map(({ file }) => file.split("/")[0]!);
  expect([...new Set(rooms)].toSorted()).toEqual([...Object.keys(MAY_IMPORT), "cli"].toSorted());
});

test("every room is on the map in docs/how-it-works.md", async () => {
  const map = await Bun.file(join(SOURCE_ROOT, "../docs/how-it-works.md")).text();
  for (const room of [...Object.keys(MAY_IMPORT), "cli"]) expect(map).toContain(`\nsrc/${room}/ `);
});

test("rooms import only the rooms they may", () => {
  const trespasses = imports.filter(({ file, target }) => {
    const [room] = file.split("/");
    const allowed = MAY_IMPORT[room!];
    if (!target.startsWith(".") || !allowed) return false;
    const [place] = normalize(join(dirname(file), target)).split("/");
    return place !== room && !allowed.includes(place!);
  });
  expect(trespasses).toEqual([]);
});

test("the domain imports no library", () => {
  const libraries = imports.filter(
    ({ file, target }) => file.startsWith("classification/") && !target.startsWith("."),
  );
  expect(libraries).toEqual([]);
});

test("outside libraries stay behind their adapter", () => {
  const leaks = imports.filter(({ file, target }) =>
    Object.entries(ONLY_IN).some(
      ([library, places]) =>
        (target === library || target.startsWith(`${library}/`)) &&
        ![places].flat().some((place) => file.startsWith(place)),
    ),
  );
  expect(leaks).toEqual([]);
});

test("nobody imports the entry point", () => {
  expect(imports.filter(({ target }) => target.endsWith("/main.ts"))).toEqual([]);
});
