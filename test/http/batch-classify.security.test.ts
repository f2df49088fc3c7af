import { expect, test } from "bun:test";
import { behaviours } from "../support/fake-provider.ts";
import { openHarness, sha256 } from "../support/harness.ts";
import { drawIdCard, drawPhoto } from "../support/pictures.ts";

const ORIGINAL = sha256("the original");
const HASHES = JSON.stringify([ORIGINAL, ORIGINAL]);

test("one caller's batch never corroborates itself", async () => {
  await using harness = await openHarness();
  const copies = [
    await drawPhoto({ seed: 81, quality: 90 }),
    await drawPhoto({ seed: 81, quality: 60 }),
  ];
  expect((await harness.uploadMany(copies, HASHES, "eve")).body.success_count).toBe(2);
  expect((await harness.checkCache(ORIGINAL, "ann")).body.cached).toBe(false);
});

test("a batch that claims one hash for unlike pictures answers each for itself", async () => {
  const categories = new Map([
    [0, "foods"],
    [1, "idcard"],
  ]);
  await using harness = await openHarness({
    provider: (_, index) => behaviours.answer({ category: categories.get(index)! }),
  });
  const files = [await drawPhoto({ seed: 82 }), await drawIdCard({ seed: 83 })];
  const { body } = await harness.uploadMany(files, HASHES, "eve");
  const answered = body.items.map((item: { data: { category: string } }) => item.data.category);
  expect(answered.toSorted()).toEqual(["foods", "idcard"]);
  for (const [index, file] of files.entries()) {
    const { body: hit } = await harness.checkCache(sha256(file), "ann");
    expect(hit.data.category).toBe(answered[index]);
  }
  expect((await harness.checkCache(ORIGINAL, "ann")).body.cached).toBe(false);
});

test("file names come back as they are, as JSON and nothing else", async () => {
  await using harness = await openHarness();
  const names = ["../../etc/passwd", "<script>alert(1)</script>.jpg", "照片 🍜.jpg"];
  const form = new FormData();
  for (const [index, name] of names.entries()) {
    const photo = await drawPhoto({ seed: 84 + index, width: 64, height: 48 });
    form.append("images", new File([photo], name));
  }
  const { headers, body } = await harness.call("/api/v1/classify/batch", {
    method: "POST",
    body: form,
  });
  expect(headers.get("content-type")).toBe("application/json");
  expect(body.items.map((item: { filename: string }) => item.filename)).toEqual(names);
});
