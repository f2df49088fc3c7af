import { and, eq, lte, sql } from "drizzle-orm";
import type { MySql2Database } from "drizzle-orm/mysql2";
import type { DatabaseLeaseLedger } from "../../classification/ports/leases.ts";
import { retryDeadlock } from "./retry-deadlock.ts";
import { leases } from "./schema.ts";
import { NOW } from "./server-clock.ts";

export function createMysqlLeases(db: MySql2Database): DatabaseLeaseLedger {
  return {
    async take(name, owner, ttlMs) {
      const expiresAt = sql`${NOW} + ${ttlMs}`;
      const [inserted] = await retryDeadlock(() =>
        db.insert(leases).ignore().values({ name, owner, expiresAt }),
      );
      if (inserted.affectedRows === 1) return true;
      const [replaced] = await retryDeadlock(() =>
        db
          .update(leases)
          .set({ owner, expiresAt })
          .where(and(eq(leases.name, name), lte(leases.expiresAt, NOW))),
      );
      return replaced.affectedRows === 1;
    },
    async renew(name, owner, ttlMs) {
      const [renewed] = await retryDeadlock(() =>
        db
          .update(leases)
          .set({ expiresAt: sql`${NOW} + ${ttlMs}` })
          .where(isOwn(name, owner)),
      );
      return renewed.affectedRows === 1;
    },
    async release(name, owner) {
      await retryDeadlock(() => db.delete(leases).where(isOwn(name, owner)));
    },
    async sweep(limit) {
      const [swept] = await retryDeadlock(() =>
        db.delete(leases).where(lte(leases.expiresAt, NOW)).orderBy(leases.expiresAt).limit(limit),
      );
      return swept.affectedRows;
    },
  };
}

function isOwn(name: string, owner: string) {
  return and(eq(leases.name, name), eq(leases.owner, owner));
}
