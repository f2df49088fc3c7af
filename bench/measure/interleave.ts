import { cpuTimeUs } from "./process-usage.ts";
import { median, spreadOf, type Spread } from "./statistics.ts";
import { runLoad, type Load, type LoadReport } from "./wrk.ts";

/** How long and how often to measure. */
export interface Effort {
  rounds: number;
  roundS: number;
}

/** A server and the load that is put on it. */
export interface Contender {
  /** All processes that answer. */
  pids: readonly number[];
  load: Omit<Load, "durationS">;
}

/** Of one contender, over its rounds. */
export interface Performance {
  requestsPerS: number;
  cpuUsPerRequest: number;
  p50Ms: number;
  p99Ms: number;
}

export interface Comparison {
  baseline: Performance;
  subject: Performance;
  /** Subject's requests per second over the baseline's, round by round. */
  throughputRatio: Spread;
  /** Baseline's CPU time per request over the subject's: what the throughput ratio is on an idle machine. */
  cpuRatio: Spread;
}

interface Round extends LoadReport {
  cpuUsPerRequest: number;
}

export async function measureRound({ pids, load }: Contender, durationS: number): Promise<Round> {
  const cpuUs = () => pids.reduce((sum, pid) => sum + cpuTimeUs(pid), 0);
  const before = cpuUs();
  const report = await runLoad({ ...load, durationS });
  return { ...report, cpuUsPerRequest: (cpuUs() - before) / report.requests };
}

/**
 * Measures both in turn, round by round, after one unmeasured round each: what else the machine does
 * comes and goes over minutes, so neighbouring rounds are comparable where far ones are not.
 */
export async function compare(
  baseline: Contender,
  subject: Contender,
  { rounds, roundS }: Effort,
): Promise<Comparison> {
  const ofBaseline: Round[] = [];
  const ofSubject: Round[] = [];
  await measureRound(baseline, roundS);
  await measureRound(subject, roundS);
  for (let round = 0; round < rounds; round++) {
    ofBaseline.push(await measureRound(baseline, roundS));
    ofSubject.push(await measureRound(subject, roundS));
  }
  const ratios = (of: (ours: Round, theirs: Round) => number) =>
    spreadOf(ofSubject.map((ours, round) => of(ours, ofBaseline[round]!)));
  return {
    baseline: summarise(ofBaseline),
    subject: summarise(ofSubject),
    throughputRatio: ratios((ours, theirs) => ours.requestsPerS / theirs.requestsPerS),
    cpuRatio: ratios((ours, theirs) => theirs.cpuUsPerRequest / ours.cpuUsPerRequest),
  };
}

function summarise(rounds: readonly Round[]): Performance {
  const middle = (read: (round: Round) => number) => median(rounds.map(read));
  return {
    requestsPerS: middle((round) => round.requestsPerS),
    cpuUsPerRequest: middle((round) => round.cpuUsPerRequest),
    p50Ms: middle((round) => round.p50Ms),
    p99Ms: middle((round) => round.p99Ms),
  };
}
