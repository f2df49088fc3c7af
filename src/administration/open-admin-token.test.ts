import { expect, test } from "bun:test";
import { chmodSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { openTemporaryFolder } from "../../test/support/temporary-folder.ts";
import { openAdminToken } from "./open-admin-token.ts";

test("a configured token is the only one, and nothing is kept", () => {
  using folder = openTemporaryFolder();
  const file = join(folder.path, "admin-token");
  const { matches, created } = openAdminToken({ token: "a configured token", file });
  expect(created).toBeNull();
  expect(matches("a configured token")).toBe(true);
  for (const wrong of ["", "a configured toke", "a configured token ", "ein anderes"])
    expect(matches(wrong)).toBe(false);
  expect(readdirSync(folder.path)).toEqual([]);
});

test("one is made at the first start, kept as a hash that only the owner may read", () => {
  using folder = openTemporaryFolder();
  const file = join(folder.path, "data", "admin-token");
  const first = openAdminToken({ token: null, file });
  expect(first.created).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(first.matches(first.created!)).toBe(true);
  expect(readdirSync(join(folder.path, "data"))).toEqual(["admin-token"]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, "utf8")).not.toContain(first.created!);

  const second = openAdminToken({ token: null, file });
  expect(second.created).toBeNull();
  expect(second.matches(first.created!)).toBe(true);
  expect(second.matches(readFileSync(file, "utf8"))).toBe(false);
});

test("several processes that start at once share one, and one of them tells it", async () => {
  using folder = openTemporaryFolder();
  const file = join(folder.path, "admin-token");
  const script = `const { openAdminToken } = await import(${JSON.stringify(import.meta.resolve("./open-admin-token.ts"))});
    process.stdout.write(openAdminToken({ token: null, file: ${JSON.stringify(file)} }).created ?? "");`;
  const told = await Promise.all(
    Array.from({ length: 4 }, () =>
      new Response(
        Bun.spawn([process.execPath, "-e", script], { stderr: "inherit" }).stdout,
      ).text(),
    ),
  );
  const tokens = told.filter(Boolean);
  expect(tokens).toHaveLength(1);
  expect(openAdminToken({ token: null, file }).matches(tokens[0]!)).toBe(true);
}, 30_000);

test("a file that holds something else stops the start, and says how to mend it", async () => {
  using folder = openTemporaryFolder();
  const file = join(folder.path, "admin-token");
  await Bun.write(file, "sha256:\n");
  expect(() => openAdminToken({ token: null, file })).toThrow(/delete it.*ADMIN_TOKEN/);
  if (process.getuid?.() === 0) return;
  chmodSync(file, 0o000);
  expect(() => openAdminToken({ token: null, file })).toThrow(file);
});
