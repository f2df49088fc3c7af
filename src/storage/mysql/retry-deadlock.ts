import { rootCause } from "../database-error.ts";

const ATTEMPTS = 5;
/** ER_LOCK_DEADLOCK; ER_CHECKREAD, MariaDB's word for a row that changed under a lock. */
const RETRYABLE = new Set([1213, 1020]);

/** Runs a whole transaction again when the server chose it as a deadlock's victim and rolled it back. */
export async function retryDeadlock<Value>(transaction: () => Promise<Value>): Promise<Value> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await transaction();
    } catch (error) {
      const { errno } = rootCause(error) as { errno?: number };
      if (attempt >= ATTEMPTS || errno === undefined || !RETRYABLE.has(errno)) throw error;
      // Victims that came together must not meet again at once.
      await Bun.sleep(Math.random() * 10 * attempt);
    }
  }
}
