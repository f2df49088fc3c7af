import { describe, expect, test } from "bun:test";
import {
  A_WHILE_MS,
  callerOf,
  newDigest,
  newResult,
  openDomain,
  START,
} from "../../test/support/domain.ts";
import { NOBODY } from "./alias.ts";
import type { StoredResult } from "./result.ts";

const ann = callerOf("ann");

async function openWith(...results: StoredResult[]) {
  const domain = await openDomain();
  await domain.store.saveResults(results);
  return domain;
}

describe("a hash", () => {
  test("is found in the database once, and in memory from then on", async () => {
    const result = newResult();
    await using domain = await openWith(result);
    const match = { hash: result.digest, kind: "digest", result } as const;
    expect(await domain.ask(result.digest, ann)).toEqual({ match, tier: "sql", complete: true });
    domain.outage.isDown = true;
    expect(await domain.ask(result.digest, ann)).toEqual({ match, tier: "memory", complete: true });
    expect(domain.lookup.findInMemory(result.digest, NOBODY)?.tier).toBe("memory");
    expect(domain.notes.hits).toEqual([result.digest, result.digest, result.digest]);
  });

  test("that nobody knows is a miss, and remembered as unknown for a short while", async () => {
    const result = newResult();
    await using domain = await openWith();
    const miss = { match: null, tier: null, complete: true };
    expect(domain.lookup.findInMemory(result.digest, ann)).toBeNull();
    expect(await domain.ask(result.digest, ann)).toEqual(miss);
    await domain.store.saveResults([result]);
    expect(domain.lookup.findInMemory(result.digest, ann)).toEqual(miss);
    domain.time.now += A_WHILE_MS;
    expect(await domain.ask(result.digest, ann)).toMatchObject({ tier: "sql" });
  });

  test("is an incomplete miss while the database is down, and not remembered as unknown", async () => {
    const result = newResult();
    await using domain = await openWith(result);
    domain.outage.isDown = true;
    const unanswered = { match: null, tier: null, complete: false };
    expect(await domain.ask(result.digest, ann)).toEqual(unanswered);
    domain.outage.isDown = false;
    expect(await domain.ask(result.digest, ann)).toMatchObject({ tier: "sql" });
    expect(domain.notes.of("lookup unavailable")).toBe(1);
  });

  test("whose result is of another profile is a miss", async () => {
    const other = newResult({ profileId: "another" });
    await using domain = await openWith(other);
    expect((await domain.ask(other.digest, ann)).match).toBeNull();
  });

  test("whose result this mode does not serve is a miss", async () => {
    const localInference = { model: "tiny", version: "1", probabilities: {} };
    const local = newResult({ localInference, method: "local", createdAt: START });
    await using domain = await openDomain({ keeping: { localResults: "unwanted" } });
    await domain.store.saveResults([local]);
    expect((await domain.ask(local.digest, ann)).match).toBeNull();
  });
});

describe("many hashes", () => {
  test("are answered in the order asked, duplicates included, from every tier", async () => {
    const [stored, remembered] = [newResult(), newResult()];
    await using domain = await openWith(stored, remembered);
    await domain.ask(remembered.digest, ann);
    const unknown = newDigest();
    const asked = [unknown, stored.digest, remembered.digest, stored.digest, unknown];
    const answers = await domain.lookup.findMany(asked, ann);
    expect(answers.map(({ tier }) => tier)).toEqual([null, "sql", "memory", "sql", null]);
    expect(answers.map(({ match }) => match?.result.digest ?? null)).toEqual([
      null,
      stored.digest,
      remembered.digest,
      stored.digest,
      null,
    ]);
    expect(domain.notes.of("lookup miss")).toBe(1);
  });

  test("cost one query at most, and none where memory knows them all", async () => {
    const steps: string[] = [];
    await using domain = await openDomain({ pause: async (step) => steps.push(step) });
    const results = Array.from({ length: 100 }, () => newResult());
    await domain.store.saveResults(results);
    const hashes = results.map(({ digest }) => digest);
    await domain.lookup.findMany(hashes, ann);
    await domain.lookup.findMany(hashes, ann);
    expect(steps.filter((step) => step === "store.find")).toHaveLength(1);
  });

  test("are all incomplete misses while the database is down", async () => {
    await using domain = await openWith();
    domain.outage.isDown = true;
    const answers = await domain.lookup.findMany([newDigest(), newDigest()], ann);
    expect(answers.map(({ complete }) => complete)).toEqual([false, false]);
  });
});

test("a request for a provisional result makes its upgrade more urgent", async () => {
  const first = newResult({ provisional: true, expiresAt: START + 3_600_000 });
  const second = newResult({ provisional: true, expiresAt: START + 3_600_000 });
  await using domain = await openWith(first, second);
  for (const { digest, fingerprint, pictureHash } of [first, second]) {
    domain.upgrades.offer({ digest, fingerprint }, { jpeg: new Uint8Array(9), pictureHash });
  }
  await domain.ask(second.digest, ann);
  expect(domain.upgrades.take(1)[0]?.identity.digest).toBe(second.digest);
});

test("lookups are counted by the tier that answered", async () => {
  const result = newResult();
  await using domain = await openWith(result);
  await domain.lookup.findMany([result.digest, newDigest()], ann);
  await domain.ask(result.digest, ann);
  const { notes } = domain;
  const counted = ["memory", "sql", "miss"].map((outcome) => notes.of(`lookup ${outcome}`));
  expect(counted).toEqual([1, 1, 1]);
});
