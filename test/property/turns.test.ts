import { expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  callerOf,
  categoryOf,
  createScriptedModel,
  type Domain,
  openDatabase,
  openDomain,
  photo,
} from "../support/domain.ts";

/** For many runs on a busy machine. */
const TIMEOUT_MS = 60_000;
const PROCESSES = 3;
const FAMILIES = 2;

const uploads = fc.array(
  fc.record({ process: fc.nat(PROCESSES - 1), family: fc.nat(FAMILIES - 1) }),
  { minLength: 2, maxLength: 9 },
);

/** Processes with a memory and single flights of their own, one database and one model. */
async function openProcesses(scheduler: fc.Scheduler) {
  const pause = (step: string) => scheduler.schedule(Promise.resolve(), step);
  const database = await openDatabase();
  const model = createScriptedModel();
  const processes = await Promise.all(
    Array.from({ length: PROCESSES }, () => openDomain({ pause, database, languageModel: model })),
  );
  return {
    pause,
    database,
    model,
    processes: processes as [Domain, Domain, Domain],
    upload: async (process: number, family: number) => {
      await pause("upload arrives");
      return processes[process]!.upload(photo(family), callerOf("ann"));
    },
    async [Symbol.asyncDispose]() {
      for (const domain of processes) await domain[Symbol.asyncDispose]();
      await database.close();
    },
  };
}

test(
  "a photo costs one model call over all processes, under any interleaving",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), uploads, async (scheduler, uploads) => {
        await using world = await openProcesses(scheduler);
        const answering = uploads.map(({ process, family }) => world.upload(process, family));
        const answers = await scheduler.waitFor(Promise.all(answering));
        expect([...world.model.calls.values()]).toEqual([...world.model.calls].map(() => 1));
        for (const [index, { classification }] of answers.entries())
          expect(classification.category).toBe(categoryOf(uploads[index]!.family));
      }),
      { numRuns: 100 },
    );
  },
  TIMEOUT_MS,
);

test(
  "a lost lease costs a second call at most, and no answer",
  async () => {
    const losses = fc.integer({ min: 1, max: 3 });
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), uploads, losses, async (scheduler, uploads, losses) => {
        await using world = await openProcesses(scheduler);
        const answering = uploads.map(({ process, family }) => world.upload(process, family));
        const losing = Array.from({ length: losses }, async () => {
          await world.pause("leases are lost");
          world.database.client.run("delete from leases");
        });
        // All in one wait: a loss that came after the last answer would otherwise never be let go.
        const ending = Promise.all([Promise.all(answering), Promise.all(losing)]);
        const [answers] = await scheduler.waitFor(ending);
        for (const calls of world.model.calls.values())
          expect(calls).toBeLessThanOrEqual(1 + losses);
        for (const [index, { classification }] of answers.entries())
          expect(classification.category).toBe(categoryOf(uploads[index]!.family));
      }),
      { numRuns: 100 },
    );
  },
  TIMEOUT_MS,
);

test(
  "an owner that fails lets the next one try",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.nat(PROCESSES), async (scheduler, failing) => {
        await using world = await openProcesses(scheduler);
        let asked = 0;
        const { classify } = world.model;
        world.model.classify = function (...call) {
          this.failure = asked++ < failing ? "server_error" : null;
          return classify.apply(this, call);
        };
        const answering = world.processes.map((_, process) => world.upload(process, 0));
        const outcomes = await scheduler.waitFor(Promise.allSettled(answering));
        const answered = outcomes.filter(({ status }) => status === "fulfilled");
        expect(answered).toHaveLength(PROCESSES - failing);
        expect(world.model.calls.get("0/0")).toBe(Math.min(failing + 1, PROCESSES));
      }),
      { numRuns: 50 },
    );
  },
  TIMEOUT_MS,
);
