import { expect, test } from "bun:test";
import {
  callerOf,
  createLocalModel,
  LEASE_MS,
  openDomain,
  petsWith,
  photo,
} from "../../test/support/domain.ts";
import type { InferenceMode } from "./classify-by-mode.ts";
import type { LanguageModelFailure } from "./ports/language-model.ts";
import { DEFAULT_PROFILE } from "./profile.ts";
import { runUpgrades } from "./run-upgrades.ts";

const ann = callerOf("ann");
const FOODS = 3;
const live = new AbortController().signal;

/** A domain in which the language model was down while `count` photos came in. */
async function openProvisional(count = 1, mode: InferenceMode = "llm-first") {
  // Where the local model goes first, only what it is unsure of is provisional.
  const localModel = createLocalModel(petsWith(mode === "local-first" ? 0.4 : 0.8));
  const domain = await openDomain({ mode, localModel });
  domain.model.failure = "timeout";
  const uploads = [];
  for (let copy = 0; copy < count; copy++)
    uploads.push(await domain.upload(photo(FOODS, copy), ann));
  domain.model.failure = null;
  domain.model.calls.clear();
  domain.model.deadlines.length = 0;
  const upgrade = (maxPerRun = 5, signal = live) =>
    runUpgrades(
      {
        ...domain,
        languageModel: domain.model,
        profile: DEFAULT_PROFILE,
        telemetry: domain.notes.telemetry,
        deadlineMs: 7_000,
        maxPerRun,
        exclusively: async (work) => void (await work()),
        clock: () => domain.time.now,
      },
      signal,
    );
  const calls = () => [...domain.model.calls.values()].reduce((sum, count) => sum + count, 0);
  const dispose = () => domain[Symbol.asyncDispose]();
  return { domain, uploads, upgrade, calls, [Symbol.asyncDispose]: dispose };
}

test.each(["llm-first", "local-first"] as const)(
  "%s: a provisional result gives way to the language model's, in memory and in the database",
  async (mode) => {
    await using opened = await openProvisional(1, mode);
    const { domain, uploads, upgrade } = opened;
    const { digest } = uploads[0]!;
    await upgrade();
    const wanted = {
      category: "foods",
      method: "llm",
      provisional: false,
      expiresAt: null,
      inputTokens: 850,
      outputTokens: 40,
      costMicros: 1_000,
    };
    expect((await domain.ask(digest, ann)).match?.result).toMatchObject(wanted);
    domain.memory.clear();
    const stored = await domain.ask(digest, ann);
    expect(stored.tier).toBe("sql");
    expect(stored.match?.result).toMatchObject(wanted);
    expect(domain.notes.of("upgraded")).toBe(1);
    expect(domain.model.deadlines).toEqual([domain.time.now + 7_000]);
    expect(domain.upgrades.size).toBe(0);
  },
);

test("one run upgrades so many and no more, the most requested first", async () => {
  await using opened = await openProvisional(4);
  const { domain, uploads, upgrade, calls } = opened;
  await domain.ask(uploads[2]!.digest, ann);
  await upgrade(1);
  expect([...domain.model.calls.keys()]).toEqual([`${FOODS}/2`]);
  await upgrade(2);
  expect(calls()).toBe(3);
  expect(domain.upgrades.size).toBe(1);
});

test("nothing is asked while the model cannot answer, callers wait for it, or the loop stops", async () => {
  await using opened = await openProvisional(2);
  const { domain, upgrade, calls } = opened;
  domain.model.failure = "circuit_open";
  await upgrade();
  domain.model.failure = null;
  domain.model.freeSlots = 0;
  await upgrade();
  domain.model.freeSlots = 100;
  await upgrade(5, AbortSignal.abort());
  expect(calls()).toBe(0);
  expect(domain.upgrades.size).toBe(2);
  await upgrade();
  expect(domain.notes.of("upgraded")).toBe(2);
});

test("no more go together than there is room for: the rest would stand before callers", async () => {
  await using opened = await openProvisional(4);
  opened.domain.model.freeSlots = 3;
  await opened.upgrade();
  expect(opened.calls()).toBe(3);
});

test.each(["unreachable", "rate_limited", "overloaded", "unauthorized", "over_budget"] as const)(
  "no picture is given up because the provider was %s",
  async (failure: LanguageModelFailure) => {
    await using opened = await openProvisional(3);
    const { domain, upgrade } = opened;
    domain.model.failure = failure;
    for (let run = 0; run < 8; run++) await upgrade();
    expect(domain.upgrades.size).toBe(3);
    domain.model.failure = null;
    await upgrade();
    expect(domain.notes.of("upgraded")).toBe(3);
  },
);

test.each(["timeout", "server_error", "refused", "rejected", "malformed_output"] as const)(
  "a picture that may have caused a %s is given up after five",
  async (failure: LanguageModelFailure) => {
    await using opened = await openProvisional(2);
    const { domain, upgrade, calls } = opened;
    domain.model.failure = failure;
    for (let run = 0; run < 8; run++) await upgrade();
    expect(calls()).toBe(10);
    expect(domain.upgrades.size).toBe(0);
  },
);

test("a result that is final or gone by now costs no call", async () => {
  await using opened = await openProvisional(2);
  const { domain, uploads, upgrade, calls } = opened;
  const replaced = uploads[0]!.digest;
  const { result } = (await domain.ask(replaced, ann)).match!;
  await domain.store.saveResults([{ ...result, provisional: false, localInference: null }]);
  domain.memory.clear();
  await domain.store.purge({ now: Number.MAX_SAFE_INTEGER, requestsBefore: 0, limit: 10 });
  await domain.store.saveResults([{ ...result, provisional: false, localInference: null }]);
  await upgrade();
  expect(calls()).toBe(0);
  expect(domain.upgrades.size).toBe(0);
});

test("without the database nothing is asked, and what only the journal holds is not forgotten", async () => {
  await using opened = await openProvisional();
  const { domain, upgrade, calls } = opened;
  domain.outage.isDown = true;
  await upgrade();
  expect(calls()).toBe(0);
  domain.outage.isDown = false;
  await upgrade();
  expect(domain.notes.of("upgraded")).toBe(1);
});

test("what a process took to its grave is upgraded after the loan", async () => {
  await using opened = await openProvisional();
  const { domain, upgrade } = opened;
  domain.upgrades.take(1);
  await upgrade();
  expect(domain.notes.of("upgraded")).toBe(0);
  domain.time.now += LEASE_MS;
  await upgrade();
  expect(domain.notes.of("upgraded")).toBe(1);
});

test("an answer that is too unsure leaves the provisional result as it is", async () => {
  await using opened = await openProvisional();
  const { domain, uploads, upgrade } = opened;
  domain.model.confidence = 0.1;
  await upgrade();
  expect((await domain.ask(uploads[0]!.digest, ann)).match?.result.provisional).toBe(true);
  expect(domain.notes.of("upgraded")).toBe(0);
});
