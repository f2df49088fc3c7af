import { expect, test } from "bun:test";
import {
  callerOf,
  createLocalModel,
  openDomain,
  petsWith,
  photo,
} from "../../test/support/domain.ts";
import type { LanguageModelFailure } from "./ports.ts";
import { DEFAULT_PROFILE } from "./profile.ts";
import { runUpgrades } from "./run-upgrades.ts";

const ann = callerOf("ann");
const FOODS = 3;
const live = new AbortController().signal;

/** A domain in which the language model was down while `count` photos came in. */
async function openProvisional(count = 1) {
  const domain = await openDomain({ localModel: createLocalModel(petsWith(0.8)) });
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
        clock: () => domain.time.now,
      },
      signal,
    );
  const calls = () => [...domain.model.calls.values()].reduce((sum, count) => sum + count, 0);
  return { domain, uploads, upgrade, calls };
}

test("a provisional result gives way to the language model's, in memory and in the database", async () => {
  const { domain, uploads, upgrade } = await openProvisional();
  const { digest } = uploads[0]!;
  await upgrade();
  const wanted = { category: "foods", method: "llm", provisional: false, expiresAt: null };
  expect((await domain.ask(digest, ann)).match?.result).toMatchObject(wanted);
  domain.memory.forget(digest);
  const stored = await domain.ask(digest, ann);
  expect(stored.tier).toBe("sql");
  expect(stored.match?.result).toMatchObject(wanted);
  expect(domain.notes.of("upgraded")).toBe(1);
  expect(domain.model.deadlines).toEqual([domain.time.now + 7_000]);
  await domain[Symbol.asyncDispose]();
});

test("one run upgrades so many and no more, the most requested first", async () => {
  const { domain, uploads, upgrade, calls } = await openProvisional(4);
  await domain.ask(uploads[2]!.digest, ann);
  await upgrade(1);
  expect([...domain.model.calls.keys()]).toEqual([`${FOODS}/2`]);
  await upgrade(2);
  expect(calls()).toBe(3);
  expect(domain.upgrades.size).toBe(1);
  await domain[Symbol.asyncDispose]();
});

test("nothing is asked while the model is known not to answer, or when the loop stops", async () => {
  const { domain, upgrade, calls } = await openProvisional(2);
  domain.model.failure = "circuit_open";
  await upgrade();
  domain.model.failure = null;
  await upgrade(5, AbortSignal.abort());
  expect(calls()).toBe(0);
  expect(domain.upgrades.size).toBe(2);
  await domain[Symbol.asyncDispose]();
});

test.each(["unreachable", "rate_limited", "overloaded", "unauthorized"] as const)(
  "a run ends when the provider is %s, and no picture is given up for it",
  async (failure: LanguageModelFailure) => {
    const { domain, upgrade, calls } = await openProvisional(3);
    domain.model.failure = failure;
    for (let run = 0; run < 8; run++) await upgrade();
    expect(calls()).toBe(8);
    expect(domain.upgrades.size).toBe(3);
    domain.model.failure = null;
    await upgrade();
    expect(domain.notes.of("upgraded")).toBe(3);
    await domain[Symbol.asyncDispose]();
  },
);

test.each(["timeout", "server_error"] as const)(
  "a run ends at a %s, and the picture that may have caused it is given up after five",
  async (failure: LanguageModelFailure) => {
    const { domain, upgrade, calls } = await openProvisional();
    domain.model.failure = failure;
    for (let run = 0; run < 8; run++) await upgrade();
    expect(calls()).toBe(5);
    expect(domain.upgrades.size).toBe(0);
    await domain[Symbol.asyncDispose]();
  },
);

test.each(["refused", "rejected", "malformed_output"] as const)(
  "a picture that is %s makes way for the others of the run, and is given up after five",
  async (failure: LanguageModelFailure) => {
    const { domain, upgrade, calls } = await openProvisional(3);
    domain.model.failure = failure;
    await upgrade();
    expect([...domain.model.calls.values()]).toEqual([1, 1, 1]);
    for (let run = 0; run < 8; run++) await upgrade();
    expect(calls()).toBe(15);
    expect(domain.upgrades.size).toBe(0);
    await domain[Symbol.asyncDispose]();
  },
);

test("an answer that is too unsure leaves the provisional result as it is", async () => {
  const { domain, uploads, upgrade } = await openProvisional();
  domain.model.confidence = 0.1;
  await upgrade();
  expect((await domain.ask(uploads[0]!.digest, ann)).match?.result.provisional).toBe(true);
  expect(domain.notes.of("upgraded")).toBe(0);
  await domain[Symbol.asyncDispose]();
});
