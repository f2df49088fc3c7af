import { and, desc, eq, inArray } from "drizzle-orm";
import type { BunSQLiteDatabase } from "drizzle-orm/bun-sqlite";
import type { AliasClaim, AliasPolicy, ClaimVerdict } from "../../classification/alias.ts";
import { decideClaim, disputed, endsAlias, undecidedAlias } from "../claims.ts";
import { isUnexpired } from "../tables.ts";
import * as tables from "./schema.ts";
import { WRITING } from "./writes.ts";

const { aliasClaims, aliases, invalidations, results } = tables;

/** One synchronous transaction: an asynchronous callback would commit at its first await. */
export function recordSqliteClaim(
  db: BunSQLiteDatabase,
  claim: AliasClaim,
  policy: AliasPolicy,
): ClaimVerdict {
  const { profileId, alias, claimedAt: updatedAt } = claim;
  const ofAlias = and(eq(aliases.profileId, profileId), eq(aliases.alias, alias));
  const claimsOfAlias = and(eq(aliasClaims.profileId, profileId), eq(aliasClaims.alias, alias));

  return db.transaction((tx) => {
    tx.insert(aliases).values(undecidedAlias(claim)).onConflictDoNothing().run();
    const standing = tx.select().from(aliases).where(ofAlias).get()!;
    const claims = tx
      .select()
      .from(aliasClaims)
      .where(claimsOfAlias)
      .orderBy(desc(aliasClaims.claimedAt))
      .all();
    const leader = tx
      .select({ digest: results.digest })
      .from(results)
      .where(
        and(
          eq(results.profileId, profileId),
          eq(results.digest, standing.leaderDigest),
          isUnexpired(tables, updatedAt),
        ),
      )
      .get();

    const locked = { standing, claims, leaderAnswers: leader !== undefined };
    const decision = decideClaim(locked, claim, policy);
    const { verdict, standing: next, evicted } = decision;
    tx.update(aliases)
      .set({ ...next, updatedAt })
      .where(ofAlias)
      .run();
    const row = { ...claim, epoch: next.epoch };
    tx.insert(aliasClaims)
      .values(row)
      .onConflictDoUpdate({
        target: [aliasClaims.profileId, aliasClaims.alias, aliasClaims.caller],
        set: row,
      })
      .run();
    if (evicted.length > 0)
      tx.delete(aliasClaims)
        .where(and(claimsOfAlias, inArray(aliasClaims.caller, evicted)))
        .run();
    if (endsAlias(decision, locked, policy))
      tx.insert(invalidations).values(disputed(claim, Date.now())).run();
    return verdict;
  }, WRITING);
}
