import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { PRESETS } from "../src/llm/presets.ts";
import { SETTINGS } from "../src/settings.ts";

const ROOT = join(import.meta.dir, "..");
const PATTERNS = ["*.md", "docs/*.md", "bench/*.md", "models/**/*.md"];
const FILES = PATTERNS.flatMap((pattern) => Array.from(new Bun.Glob(pattern).scanSync(ROOT)));

const read = (file: string) => Bun.file(join(ROOT, file)).text();

/** As GitHub makes them of headings. */
async function anchorsOf(file: string): Promise<string[]> {
  const headings = [...(await read(file)).matchAll(/^#+ (.+)$/gm)];
  return headings.map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_\- ]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** Vendors' variables, Bun's and a word of the kernel's. */
const NO_SETTINGS = new Set<string | null>([
  ...Object.values(PRESETS).map(({ apiKeyVariable }) => apiKeyVariable),
  "BUN_CONFIG_MAX_HTTP_REQUESTS",
  "SO_REUSEPORT",
]);

/** `LLM_*` stands for all that begin so. */
function isSetting(name: string): boolean {
  if (!name.endsWith("_")) return name in SETTINGS;
  return Object.keys(SETTINGS).some((other) => other.startsWith(name));
}

test("there is something to read", () => {
  expect(FILES).toContain("README.md");
  expect(FILES).toContain("docs/how-it-works.md");
});

test.each(FILES)("every link of %s into the repository leads somewhere", async (file) => {
  for (const [, link] of (await read(file)).matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^https?:/.test(link!)) continue;
    const [path = "", anchor] = link!.split("#");
    const target = path === "" ? file : join(dirname(file), path);
    expect(existsSync(join(ROOT, target)) || target).toBe(true);
    if (anchor !== undefined) expect(await anchorsOf(target)).toContain(anchor);
  }
});

test.each(FILES)("every file that %s names is there", async (file) => {
  const named = (await read(file)).matchAll(/`((?:src|test|docs|bench|deploy)\/[\w./-]+\.\w+)`/g);
  const missing = [...named]
    .map(([, path]) => path!)
    .filter((path) => !existsSync(join(ROOT, path)));
  expect(missing).toEqual([]);
});

const FOR_OPERATORS = FILES.filter((file) => !file.startsWith("models/"));

test.each(FOR_OPERATORS)("every setting that %s names exists", async (file) => {
  const quoted = [...(await read(file)).matchAll(/`([^`\n]+)`/g)].map(([, code]) => code!);
  const names = quoted.flatMap((code) => code.match(/\b(?:[A-Z][A-Z0-9]*_)+[A-Z0-9]*\b/g) ?? []);
  const unknown = names.filter((name) => !isSetting(name) && !NO_SETTINGS.has(name));
  expect(unknown).toEqual([]);
});
