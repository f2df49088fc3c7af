import { and, eq, inArray, lte, sql } from "drizzle-orm";
import type { BunSQLiteDatabase } from "drizzle-orm/bun-sqlite";
import type { DatabaseLeaseLedger } from "../../classification/ports/leases.ts";
import { leases } from "./schema.ts";
import { affectedRows } from "./writes.ts";

/** The clock of the machine that all processes on the file share, in milliseconds since the epoch. */
const NOW = sql<number>`cast(unixepoch('subsec') * 1000 as integer)`;
const NAME = sql.placeholder("name");
const OWNER = sql.placeholder("owner");
const EXPIRES_AT = sql`${NOW} + ${sql.placeholder("ttlMs")}`;

export function createSqliteLeases(db: BunSQLiteDatabase): DatabaseLeaseLedger {
  let prepared: ReturnType<typeof prepare> | undefined;
  /** At first use, when the table is there. */
  const statements = () => (prepared ??= prepare(db));

  return {
    async take(name, owner, ttlMs) {
      return affectedRows(statements().take.run({ name, owner, ttlMs })) === 1;
    },
    async renew(name, owner, ttlMs) {
      return affectedRows(statements().renew.run({ name, owner, ttlMs })) === 1;
    },
    async release(name, owner) {
      statements().release.run({ name, owner });
    },
    async sweep(limit) {
      const expired = db
        .select({ name: leases.name })
        .from(leases)
        .where(lte(leases.expiresAt, NOW))
        .limit(limit);
      return affectedRows(db.delete(leases).where(inArray(leases.name, expired)).run());
    },
  };
}

function prepare(db: BunSQLiteDatabase) {
  const isOwn = and(eq(leases.name, NAME), eq(leases.owner, OWNER));
  return {
    take: db
      .insert(leases)
      .values({ name: NAME, owner: OWNER, expiresAt: EXPIRES_AT })
      .onConflictDoUpdate({
        target: leases.name,
        set: { owner: sql`excluded.owner`, expiresAt: sql`excluded.expires_at` },
        setWhere: lte(leases.expiresAt, NOW),
      })
      .prepare(),
    renew: db.update(leases).set({ expiresAt: EXPIRES_AT }).where(isOwn).prepare(),
    release: db.delete(leases).where(isOwn).prepare(),
  };
}
