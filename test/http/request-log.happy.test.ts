import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { openHarness, sha256 } from "../support/harness.ts";
import { drawPhoto, plainText } from "../support/pictures.ts";
import { waitFor } from "../support/wait-for.ts";

test("the request log has a line for every operation of apps, and hits are counted", async () => {
  await using harness = await openHarness();
  const photo = await drawPhoto({ width: 64, height: 48 });
  const first = await harness.upload(photo, { user: "ann" });
  await harness.upload(photo, { user: "ben" });
  await harness.checkCache(sha256(photo), "ann");
  await harness.checkCache(sha256("unknown"));
  const hashes = { image_hashes: [sha256(photo), sha256("unknown")] };
  await harness.postJson("/api/v1/classify/batch-check-cache", hashes);
  await harness.uploadMany([photo, plainText()]);
  await harness.upload(plainText(), { user: "eve" });
  await harness.call("/api/v1/health");
  await harness.call("/nowhere");

  using database = new Database(join(harness.dataDir, "onceover.db"), { readonly: true });
  const lines = await waitFor("the request log", () => {
    const rows = database
      .query<Record<string, unknown>, []>("select * from request_log order by at, id")
      .all();
    return rows.length >= 7 ? rows : null;
  });
  const facts = lines.map((line) => [
    line["operation"],
    line["user_id"],
    line["image_count"],
    line["cached_count"],
    line["failed_count"],
    line["status"],
    line["method"],
    line["category"],
  ]);
  expect(facts).toEqual([
    ["classify", "ann", 1, 0, 0, 200, "llm", "foods"],
    ["classify", "ben", 1, 1, 0, 200, "cache", "foods"],
    ["check_cache", "ann", 1, 1, 0, 200, "cache", "foods"],
    ["check_cache", null, 1, 0, 0, 200, null, null],
    ["batch_check_cache", null, 2, 1, 0, 200, null, null],
    ["batch_classify", null, 2, 1, 1, 200, null, null],
    ["classify", "eve", 1, 0, 1, 415, null, null],
  ]);
  expect(lines[0]!["request_id"]).toBe(first.body.request_id);
  expect(lines[0]!["ip"]).toBe("127.0.0.1");

  const hits = await waitFor("the hit counts", () => {
    const [row] = database.query<{ hits: number }, []>("select hits from results").all();
    return row && row.hits > 0 ? row.hits : null;
  });
  expect(hits).toBe(4);
});
