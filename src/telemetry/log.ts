import pino, { type Logger } from "pino";

/**
 * JSON lines on standard output, written synchronously: nothing is lost at a crash, and the lines are
 * few. Requests are not logged here; they go to the request log in the database. `worker` is a field
 * of every line where several processes write into one log.
 */
export function createLog(level: string, worker?: number): Logger {
  return pino({
    level,
    base: worker === undefined ? null : { worker },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: ["apiKey", "*.apiKey", "*.headers.authorization"],
  });
}
