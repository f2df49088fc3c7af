import type { Leases } from "../classification/ports/leases.ts";
import { runExclusively } from "./run-exclusively.ts";

export interface ScheduleOptions {
  name: string;
  /** Five fields: minute, hour, day of the month, month, weekday; in UTC. */
  cron: string;
  /** For how long after a turn's start no other instance begins one: less than from turn to turn. */
  keepMs: number;
  /** One turn. `signal` aborts when the schedule stops, and when another instance may be at it, too. */
  run: (signal: AbortSignal) => Promise<void>;
  leases: Leases;
  /** A turn was this instance's, or another's. */
  onTurn: (name: string, isOwn: boolean) => void;
  /** A turn failed; the next one comes all the same. */
  onError: (name: string, error: unknown) => void;
  /** Calls at each time of the expression, never while the last call runs. Default: Bun's cron. */
  setCron?: typeof setBunCron;
}

/** Runs work at the times of a cron expression, on one of the instances that share the leases. */
export function startSchedule(options: ScheduleOptions): { stop(): Promise<void> } {
  const { name, cron, keepMs, run, leases, setCron = setBunCron } = options;
  const stopped = new AbortController();
  let turn: Promise<void> = Promise.resolve();

  async function take(): Promise<void> {
    try {
      const isOwn = await runExclusively(leases, {
        name: `schedule:${name}`,
        keepMs,
        async work(lost) {
          await run(AbortSignal.any([stopped.signal, lost]));
          return true;
        },
      });
      options.onTurn(name, isOwn);
    } catch (error) {
      // Out of a cron's callback it would end the process.
      options.onError(name, error);
    }
  }

  const job = setCron(cron, () => (turn = take()));
  return {
    stop() {
      job.stop();
      stopped.abort();
      return turn;
    },
  };
}

/** Bun counts to the next time only after a call has settled, so calls never overlap. */
function setBunCron(cron: string, call: () => Promise<void>): { stop(): unknown } {
  return Bun.cron(cron, call, { tz: "UTC" }).unref();
}
