/** Of a server's connections, what the processes of one machine may use: others need some, too. */
const FAIR_SHARE = 0.8;

export interface ConnectionBudget {
  /** Server processes on this machine. */
  processes: number;
  /** Connections of one process, at most. */
  poolSize: number;
  /** Host and port of a database server, and how many connections it allows us. */
  server: string;
  limit: number;
}

/** What to tell the operator where this machine alone may use up a server's connections; null: it fits. */
export function describeShortage(budget: ConnectionBudget): string | null {
  const { processes, poolSize, server, limit } = budget;
  // One connection more each while it starts and migrates; one process more while workers are replaced.
  const wanted = processes * (poolSize + 1) + (processes > 1 ? poolSize : 0);
  if (wanted <= limit * FAIR_SHARE) return null;
  return (
    `${server} allows ${limit} connections, and this machine may want ${wanted}: WORKERS=${processes} with ` +
    `pools of ${poolSize}, one connection more each at the start and one pool more during a reload. Lower ` +
    "DATABASE_POOL_SIZE or WORKERS, or raise max_connections; other machines and administrators need some as well"
  );
}
