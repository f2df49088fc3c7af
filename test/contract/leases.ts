import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type {
  DatabaseLeaseLedger,
  Lease,
  LeaseLedger,
  Leases,
} from "../../src/classification/ports/leases.ts";
import { openLeases } from "../../src/leases/open-leases.ts";
import { waitFor } from "../support/wait-for.ts";

export interface OpenedLedgers<Ledger extends LeaseLedger> {
  /** Two processes' ways to the same leases. */
  ledgers: readonly [Ledger, Ledger];
  close(): Promise<void>;
}

const LONG_MS = 60_000;
/** Renewed each 300 ms: a busy machine must not lose one by chance. */
const RENEWED_MS = 900;

let minted = 0;
const newName = () => `test:${process.pid}:${minted++}`;

/** What every LeaseLedger must do, wherever leases are written down. */
export function describeLeases(
  ledgerName: string,
  open: () => Promise<OpenedLedgers<LeaseLedger>>,
): void {
  describe(`leases in ${ledgerName}`, () => {
    let ledgers: readonly [LeaseLedger, LeaseLedger];
    let close: () => Promise<void>;
    beforeAll(async () => ({ ledgers, close } = await open()));
    afterAll(() => close());

    const openBoth = (ttlMs?: number) => ledgers.map((ledger) => leasesIn(ledger, ttlMs));

    test("one of many who ask at once gets it", async () => {
      const name = newName();
      const processes = [...openBoth(), ...openBoth()];
      const asked = Array.from({ length: 40 }, (_, index) => take(processes[index % 4]!, name));
      const got = (await Promise.all(asked)).filter((lease) => lease !== null);
      expect(got).toHaveLength(1);
      await got[0]!.release();
    });

    test("names are independent of each other", async () => {
      const [leases] = openBoth();
      const names = Array.from({ length: 10 }, newName);
      const got = await Promise.all(names.map((name) => take(leases!, name)));
      expect(got).not.toContain(null);
      await leases!.close();
    });

    test("a release lets the next one in at once", async () => {
      const name = newName();
      const [one, other] = openBoth();
      for (let turn = 0; turn < 5; turn++) {
        const lease = await take(one!, name);
        expect(await take(other!, name)).toBeNull();
        await lease!.release();
        await lease!.release();
        const next = await take(other!, name);
        expect(next).not.toBeNull();
        await next!.release();
      }
    });

    test("never two at once, however many come and go", async () => {
      const name = newName();
      const processes = openBoth();
      let inside = 0;
      let turns = 0;
      const work = async (leases: Leases) => {
        const lease = await waitFor("a turn", () => take(leases, name));
        expect(++inside).toBe(1);
        await Bun.sleep(0);
        inside--;
        turns++;
        await lease.release();
      };
      await Promise.all(Array.from({ length: 12 }, (_, index) => work(processes[index % 2]!)));
      expect(turns).toBe(12);
    });

    test("runs out when its owner has died", async () => {
      const name = newName();
      expect(await ledgers[0].take(name, "dead", RENEWED_MS)).toBe(true);
      const [, other] = openBoth();
      expect(await take(other!, name)).toBeNull();
      const lease = await waitFor("the lease runs out", () => take(other!, name));
      expect(await ledgers[0].renew(name, "dead", LONG_MS)).toBe(false);
      await lease.release();
    });

    test("is renewed for as long as it is held", async () => {
      const name = newName();
      let renewals = 0;
      const counted: LeaseLedger = {
        ...ledgers[0],
        async renew(...args) {
          const isOwn = await ledgers[0].renew(...args);
          renewals++;
          return isOwn;
        },
      };
      const lease = await take(leasesIn(counted, RENEWED_MS), name);
      const [, other] = openBoth();
      await waitFor("twice its time", async () => {
        expect(await take(other!, name)).toBeNull();
        return renewals > 6;
      });
      expect(lease!.lost.aborted).toBe(false);
      await lease!.release();
      expect(await take(other!, name)).not.toBeNull();
      await other!.close();
    });

    test("is lost once another one has it, and its release leaves that one alone", async () => {
      const name = newName();
      let owner = "";
      const watched: LeaseLedger = {
        ...ledgers[0],
        take: (taken, by, ttlMs) => ledgers[0].take(taken, (owner = by), ttlMs),
      };
      const lease = await take(leasesIn(watched, RENEWED_MS), name);
      await ledgers[1].release(name, "a stranger");
      expect(await ledgers[1].take(name, "thief", LONG_MS)).toBe(false);
      await ledgers[1].release(name, owner);
      expect(await ledgers[1].take(name, "thief", LONG_MS)).toBe(true);
      await waitFor("the loss is noticed", () => lease!.lost.aborted);
      await lease!.release();
      expect(await ledgers[1].renew(name, "thief", LONG_MS)).toBe(true);
      await ledgers[1].release(name, "thief");
    });

    test("ends with its process' other leases when that closes", async () => {
      const [one, other] = openBoth();
      const names = [newName(), newName()];
      for (const name of names) await take(one!, name);
      await one!.close();
      for (const name of names) expect(await take(other!, name)).not.toBeNull();
      await other!.close();
      expect(await one!.acquire(names[0]!)).toMatchObject({ ok: false, reason: "unavailable" });
    });
  });
}

function leasesIn(ledger: LeaseLedger, ttlMs = LONG_MS) {
  return openLeases({ ledger, ttlMs, isAvailable: () => true });
}

async function take(leases: Leases, name: string): Promise<Lease | null> {
  const outcome = await leases.acquire(name);
  if (!outcome.ok) throw new Error(outcome.detail);
  return outcome.value;
}

/** What a DatabaseLeaseLedger must do besides. */
export function describeDatabaseLeases(
  dialect: string,
  open: () => Promise<OpenedLedgers<DatabaseLeaseLedger>>,
): void {
  describeLeases(dialect, open);

  test(`${dialect}: what ran out is swept, a batch at a time, and nothing else`, async () => {
    const { ledgers, close } = await open();
    const [ledger] = ledgers;
    const kept = newName();
    await ledger.take(kept, "alive", LONG_MS);
    for (let count = 0; count < 5; count++) await ledger.take(newName(), "dead", 1);
    const swept: number[] = [];
    await waitFor("all five are swept", async () => {
      swept.push(await ledger.sweep(2));
      return swept.reduce((sum, count) => sum + count) === 5;
    });
    expect(Math.max(...swept)).toBeLessThanOrEqual(2);
    expect(await ledger.sweep(100)).toBe(0);
    expect(await ledger.renew(kept, "alive", LONG_MS)).toBe(true);
    await close();
  });
}
