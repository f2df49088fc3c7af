import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { openTemporaryFolder } from "../../test/support/temporary-folder.ts";
import { DEFAULT_PROFILE } from "../classification/profile.ts";
import { readCatalogue } from "./catalogue.ts";

const SHIPPED = join(import.meta.dir, "../../models/catalogue.json");

async function complaintAbout(labels: string, change: object = {}): Promise<string> {
  using folder = openTemporaryFolder();
  const { models } = await Bun.file(SHIPPED).json();
  const path = join(folder.path, "catalogue.json");
  const entry = { ...models[0], labels: "labels.tsv", ...change };
  await Bun.write(path, JSON.stringify({ models: [entry] }));
  await Bun.write(join(folder.path, "labels.tsv"), labels);
  return await readCatalogue(path).then(
    () => "none",
    (error: Error) => `${error.name}: ${error.message}`,
  );
}

describe("the shipped catalogue", () => {
  test("has models of a family each, with every fact that a download needs", async () => {
    const entries = await readCatalogue(SHIPPED);
    expect(entries.map(({ manifest }) => manifest.name)).toEqual([
      "mobilenet-v3-large",
      "efficientnet-lite4",
    ]);
    for (const { address, source } of entries) {
      expect(address).toStartWith("https://");
      // A branch moves on, a commit does not.
      expect(address).toMatch(/\/[0-9a-f]{40}\//);
      expect(source).toStartWith("https://");
    }
  });

  test("means a category of the default profile by each of ImageNet's 1,000 labels", async () => {
    const [{ manifest } = { manifest: null }] = await readCatalogue(SHIPPED);
    const { labels, categories } = manifest!;
    expect(labels).toHaveLength(1000);
    const keys = new Set(DEFAULT_PROFILE.categories.map(({ key }) => key));
    expect(new Set(Object.values(categories)).difference(keys).size).toBe(0);
    expect(labels.indexOf("tench")).toBe(0);
    expect(labels.indexOf("golden retriever")).toBe(207);
    expect(labels.indexOf("toilet tissue")).toBe(999);
    const means = ["golden retriever", "tabby", "pizza", "volcano", "groom", "web site", "abacus"];
    expect(means.map((label) => categories[label])).toEqual([
      "pets",
      "pets",
      "foods",
      "travel_scenery",
      "single_person",
      "screenshot",
      "other",
    ]);
  });
});

describe("a catalogue", () => {
  test("of one's own may leave out lines and comment on them", async () => {
    expect(await complaintAbout("# two labels\nred\tfoods\n\ngreen\tpets\n")).toBe("none");
  });

  test("whose labels are torn, repeated or would lose their order is refused", async () => {
    expect(await complaintAbout("red\n")).toContain('"red" is no label with its category');
    expect(await complaintAbout("red\tfoods\nred\tpets\n")).toContain("repeats a label");
    expect(await complaintAbout("red\tfoods\n7\tpets\n")).toContain("a number for one");
  });

  test("without a checksum, or with an address that is none, is refused", async () => {
    expect(await complaintAbout("red\tfoods\n", { manifest: {} })).toContain("sha256");
    expect(await complaintAbout("red\tfoods\n", { address: "ftp://x/y" })).toContain("address");
  });

  test("that would have files written elsewhere is refused", async () => {
    const { models } = await Bun.file(SHIPPED).json();
    for (const path of ["../x", "/etc/x", "a/b", "..", ""]) {
      for (const field of ["name", "file"]) {
        const manifest = { ...models[0].manifest, [field]: path };
        const complaint = await complaintAbout("red\tfoods\n", { manifest });
        expect(complaint).toContain("must be a plain file name");
      }
    }
  });

  test("that is missing is named", async () => {
    const reading = readCatalogue("/no/such/catalogue.json");
    await expect(reading).rejects.toThrow("/no/such/catalogue.json cannot be read");
  });
});
