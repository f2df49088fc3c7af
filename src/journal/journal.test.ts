import { expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { callerOf, newDigest, newResult } from "../../test/support/results.ts";
import { openTemporaryFolder } from "../../test/support/temporary-folder.ts";
import type { PictureHash } from "../classification/picture-hash.ts";
import { type JournalEntry, openJournal, REPLAY_TURN_MS } from "./journal.ts";

const resultEntry = (): JournalEntry => ({
  kind: "result",
  result: newResult({
    description: "一碗面 🍜 'quoted' \u0000",
    localInference: { model: "m", version: "1", probabilities: { foods: 0.1 + 0.2 } },
    expiresAt: 1_800_003_600_000,
  }),
});
const claimEntry = (): JournalEntry => ({
  kind: "claim",
  claim: {
    profileId: "p",
    alias: newDigest(),
    caller: callerOf("ann"),
    digest: newDigest(),
    pictureHash: "00ff00ff00ff00ff" as PictureHash,
    claimedAt: 1_800_000_000_000,
  },
});

test("entries come back whole, oldest first, after the journal was closed and opened", () => {
  using folder = openTemporaryFolder();
  const file = join(folder.path, "not yet there", "journal.db");
  const entries = [resultEntry(), claimEntry(), resultEntry()];
  const before = openJournal({ file, maxEntries: 10 });
  before.append(entries.slice(0, 2));
  before.append(entries.slice(2));
  before.close();

  const after = openJournal({ file, maxEntries: 10 });
  expect(after.count()).toBe(3);
  expect(after.read(10).entries).toEqual(entries);
  after.close();
});

test("what was removed is gone, what was not stays, and reading removes nothing", () => {
  using folder = openTemporaryFolder();
  const journal = openJournal({ file: join(folder.path, "journal.db"), maxEntries: 10 });
  const entries = [resultEntry(), claimEntry(), resultEntry()];
  journal.append(entries);
  const { ids } = journal.read(2);
  expect(journal.read(2).ids).toEqual(ids);
  journal.remove(ids);
  expect(journal.read(10).entries).toEqual(entries.slice(2));
  journal.remove(ids);
  expect(journal.count()).toBe(1);
  journal.close();
});

test("of two processes that move the same entries, neither removes what came later", () => {
  using folder = openTemporaryFolder();
  const file = join(folder.path, "journal.db");
  const [one, other] = [
    openJournal({ file, maxEntries: 10 }),
    openJournal({ file, maxEntries: 10 }),
  ];
  one.append([resultEntry(), resultEntry()]);
  const [seenByOne, seenByOther] = [one.read(10).ids, other.read(10).ids];
  one.remove(seenByOne);
  const later = claimEntry();
  one.append([later]);
  other.remove(seenByOther);
  expect(other.read(10).entries).toEqual([later]);
  one.close();
  other.close();
});

test("one process at a time moves entries; another goes on when it ends or dies", () => {
  using folder = openTemporaryFolder();
  const file = join(folder.path, "journal.db");
  let now = 1_800_000_000_000;
  const open = () => openJournal({ file, maxEntries: 10, clock: () => now });
  const [one, other] = [open(), open()];
  expect(one.takeReplayTurn()).toBe(true);
  expect(other.takeReplayTurn()).toBe(false);
  expect(one.takeReplayTurn()).toBe(true);
  now += REPLAY_TURN_MS;
  expect(other.takeReplayTurn()).toBe(true);
  expect(one.takeReplayTurn()).toBe(false);
  other.close();
  expect(one.takeReplayTurn()).toBe(true);
  one.close();
});

test("a full journal refuses an append as a whole, and takes entries again when there is room", () => {
  using folder = openTemporaryFolder();
  const journal = openJournal({ file: join(folder.path, "journal.db"), maxEntries: 3 });
  journal.append([resultEntry(), resultEntry()]);
  expect(() => journal.append([resultEntry(), resultEntry()])).toThrow("full: 3 entries");
  expect(journal.count()).toBe(2);
  journal.append([claimEntry()]);
  journal.remove(journal.read(2).ids);
  journal.append([resultEntry(), resultEntry()]);
  expect(journal.count()).toBe(3);
  journal.close();
});

test("an entry is on the disk before append returns", () => {
  using folder = openTemporaryFolder();
  const file = join(folder.path, "journal.db");
  const journal = openJournal({ file, maxEntries: 10 });
  journal.append([resultEntry()]);
  const other = new Database(file, { readonly: true });
  expect(other.query("SELECT count(*) AS n FROM entries").get()).toEqual({ n: 1 });
  other.close();
  journal.close();
});

test("two processes share a journal without losing an entry", async () => {
  using folder = openTemporaryFolder();
  const file = join(folder.path, "journal.db");
  const program = `
    import { openJournal } from ${JSON.stringify(join(import.meta.dir, "journal.ts"))};
    const journal = openJournal({ file: process.argv[1], maxEntries: 1000 });
    for (let i = 0; i < 50; i++) journal.append([{ kind: "result", result: { i } }]);
    journal.close();
  `;
  const children = [1, 2].map(() =>
    Bun.spawn([process.execPath, "-e", program, file], { stderr: "pipe", stdout: "ignore" }),
  );
  const journal = openJournal({ file, maxEntries: 1_000 });
  for (let i = 0; i < 50; i++) journal.append([resultEntry()]);
  for (const child of children) {
    expect([await child.exited, await new Response(child.stderr).text()]).toEqual([0, ""]);
  }
  expect(journal.count()).toBe(150);
  journal.close();
});

test("a folder that cannot be written stops the opening", () => {
  expect(() => openJournal({ file: "/dev/null/journal.db", maxEntries: 1 })).toThrow();
});
