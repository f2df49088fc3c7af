import {
  type CircuitBreakerPolicy,
  CircuitState,
  circuitBreaker,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleWhen,
} from "cockatiel";
import type { MySql2Database } from "drizzle-orm/mysql2";
import type { CallerId } from "../../classification/alias.ts";
import type { Digest } from "../../classification/identity.ts";
import { withDeadline } from "../../with-deadline.ts";
import { isOutage, rootCause } from "../database-error.ts";
import { createReads, type Reads } from "../reads.ts";
import { ConnectionPool, type ConnectionPoolOptions } from "./connection-pool.ts";
import { createDrizzle } from "./drizzle-client.ts";
import { type Beat, readBeat } from "./heartbeat.ts";
import { createMysqlReadDialect } from "./read-dialect.ts";

export interface ReplicaOptions extends ConnectionPoolOptions {
  /** How far it may be behind the primary. */
  maxLagMs: number;
  /** Told when it becomes usable (null) or unusable (why). */
  onChange: (server: string, problem: string | null) => void;
}

/** Requests in a row that it may fail before it is left alone. */
const MAX_FAILURES = 3;
/** For one check of a server. */
export const CHECK_TIMEOUT_MS = 2_000;
/** A check's verdict does not outlive this, should the checks stop. */
const VERDICT_HOLDS_MS = 10_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 5_000;

/** Asks every column that reading needs, and finds nothing. */
const PROBE = {
  profileId: "",
  hashes: ["0".repeat(64) as Digest],
  caller: "probe" as CallerId,
  quorum: 1,
  now: 0,
  fresh: false,
};

/**
 * A copy of the database that answers reads only while it is known to be one: of this database, with
 * its schema, not far behind, and answering. Checks find that out, so no request pays for a trial.
 */
export class Replica {
  /** Host and port; no password. */
  readonly server: string;
  readonly connections: ConnectionPool;
  readonly #db: MySql2Database;
  readonly #reads: Reads;
  readonly #breaker: CircuitBreakerPolicy;
  /** null: fit for use, as far as the last check can tell. */
  #problem: string | null = "not checked yet";
  #checkedAt = 0;

  constructor(private readonly options: ReplicaOptions) {
    this.server = URL.parse(options.url)?.host ?? "";
    this.connections = new ConnectionPool(options);
    this.#db = createDrizzle(this.connections);
    this.#reads = createReads(createMysqlReadDialect(this.connections));
    this.#breaker = circuitBreaker(handleWhen(isOutage), {
      breaker: new ConsecutiveBreaker(MAX_FAILURES),
      halfOpenAfter: new ExponentialBackoff({
        initialDelay: FIRST_PAUSE_MS,
        maxDelay: LONGEST_PAUSE_MS,
      }),
    });
    this.#breaker.onBreak(() => this.#judge("failed repeatedly"));
  }

  isUsable(): boolean {
    return (
      this.#problem === null &&
      this.#breaker.state === CircuitState.Closed &&
      performance.now() - this.#checkedAt < VERDICT_HOLDS_MS
    );
  }

  /** Rejects when it cannot answer within `limitMs`. */
  read<Value>(call: (reads: Reads) => Promise<Value>, limitMs: number): Promise<Value> {
    const deadline = { timeoutMs: limitMs, who: "the replica" };
    return this.#breaker.execute(() => withDeadline(call(this.#reads), deadline));
  }

  /** Compares it with the primary's heartbeat. Never rejects. */
  async check(primary: Beat): Promise<void> {
    try {
      const deadline = { timeoutMs: CHECK_TIMEOUT_MS, who: "it" };
      const copy = await this.#breaker.execute(() => withDeadline(this.#probe(), deadline));
      this.#judge(this.#compare(primary, copy));
    } catch (error) {
      const cause = rootCause(error);
      this.#judge(cause instanceof Error ? cause.message : String(cause));
    }
  }

  /** Leaves it unused until it has passed a check. */
  suspend(problem: string): void {
    this.#judge(problem);
  }

  close(): Promise<void> {
    return this.connections.close();
  }

  async #probe(): Promise<Beat | null> {
    await this.#reads.find(PROBE);
    return readBeat(this.#db);
  }

  #compare(primary: Beat, copy: Beat | null): string | null {
    if (!copy) return "has no heartbeat yet";
    if (copy.identity !== primary.identity) return "is no replica of this database";
    const lagMs = Math.abs(primary.beatAt - copy.beatAt);
    return lagMs > this.options.maxLagMs ? `is ${lagMs} ms behind` : null;
  }

  #judge(problem: string | null): void {
    const wasUsable = this.#problem === null;
    const isFirst = this.#checkedAt === 0;
    this.#problem = problem;
    this.#checkedAt = performance.now();
    if (isFirst || wasUsable !== (problem === null)) this.options.onChange(this.server, problem);
  }
}
