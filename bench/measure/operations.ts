import type { Comparison, Effort } from "./interleave.ts";
import { median, quantile, spreadOf } from "./statistics.ts";

/** An operation in this process: call number `index`. */
export type Operation = (index: number) => Promise<unknown>;

interface Round {
  perS: number;
  cpuUs: number;
  p50Ms: number;
  p99Ms: number;
}

/** Calls `operation` for `durationS`, `inFlight` calls at a time. */
async function measureRound(operation: Operation, inFlight: number, durationS: number) {
  const latencies: number[] = [];
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  const endsAt = startedAt + durationS * 1000;
  let next = 0;
  async function callAgainAndAgain() {
    for (let at = performance.now(); at < endsAt;) {
      await operation(next++);
      const now = performance.now();
      latencies.push(now - at);
      at = now;
    }
  }
  await Promise.all(Array.from({ length: inFlight }, callAgainAndAgain));
  const elapsedS = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    perS: latencies.length / elapsedS,
    cpuUs: (user + system) / latencies.length,
    p50Ms: median(latencies),
    p99Ms: quantile(latencies, 0.99),
  } satisfies Round;
}

/** As `compare` of servers, for two operations of this process. */
export async function compareOperations(
  baseline: Operation,
  subject: Operation,
  inFlight: number,
  { rounds, roundS }: Effort,
): Promise<Comparison> {
  const pairs: { theirs: Round; ours: Round }[] = [];
  for (let round = -1; round < rounds; round++) {
    const theirs = await measureRound(baseline, inFlight, roundS);
    const ours = await measureRound(subject, inFlight, roundS);
    if (round >= 0) pairs.push({ theirs, ours });
  }
  return {
    baseline: summarise(pairs.map(({ theirs }) => theirs)),
    subject: summarise(pairs.map(({ ours }) => ours)),
    throughputRatio: spreadOf(pairs.map(({ theirs, ours }) => ours.perS / theirs.perS)),
    cpuRatio: spreadOf(pairs.map(({ theirs, ours }) => theirs.cpuUs / ours.cpuUs)),
  };
}

function summarise(rounds: readonly Round[]) {
  const middle = (read: (round: Round) => number) => median(rounds.map(read));
  return {
    requestsPerS: middle(({ perS }) => perS),
    cpuUsPerRequest: middle(({ cpuUs }) => cpuUs),
    p50Ms: middle(({ p50Ms }) => p50Ms),
    p99Ms: middle(({ p99Ms }) => p99Ms),
  };
}
