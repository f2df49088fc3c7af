import { and, desc, eq, inArray, sql } from "drizzle-orm";
import type { MySql2Database } from "drizzle-orm/mysql2";
import type { AliasClaim, AliasPolicy, ClaimVerdict } from "../../classification/alias.ts";
import { decideClaim, disputed, endsAlias, undecidedAlias } from "../claims.ts";
import { isUnexpired } from "../tables.ts";
import { retryDeadlock } from "./retry-deadlock.ts";
import * as tables from "./schema.ts";

const { aliasClaims, aliases, invalidations, results } = tables;

type Transaction = Parameters<Parameters<MySql2Database["transaction"]>[0]>[0];

export function recordMysqlClaim(
  db: MySql2Database,
  claim: AliasClaim,
  policy: AliasPolicy,
): Promise<ClaimVerdict> {
  return retryDeadlock(() =>
    db.transaction(async (tx) => {
      const locked = await lockAlias(tx, claim);
      const decision = decideClaim(locked, claim, policy);
      await writeDecision(tx, claim, decision);
      if (endsAlias(decision, locked, policy))
        await tx.insert(invalidations).values(disputed(claim, Date.now()));
      return decision.verdict;
    }),
  );
}

/**
 * Locks the alias's row, inserting one where there is none: a gap cannot be locked against others.
 * The upsert takes the exclusive lock at once; `insert ignore` would take a shared one, and two
 * transactions that both raise theirs deadlock.
 */
async function lockAlias(tx: Transaction, claim: AliasClaim) {
  await tx
    .insert(aliases)
    .values(undecidedAlias(claim))
    .onDuplicateKeyUpdate({ set: { epoch: sql`${aliases.epoch}` } });
  const [standing] = await tx.select().from(aliases).where(ofAlias(claim)).for("update");
  const claims = await tx
    .select()
    .from(aliasClaims)
    .where(claimsOfAlias(claim))
    .orderBy(desc(aliasClaims.claimedAt));
  const leader = await tx
    .select({ digest: results.digest })
    .from(results)
    .where(
      and(
        eq(results.profileId, claim.profileId),
        eq(results.digest, standing!.leaderDigest),
        isUnexpired(tables, claim.claimedAt),
      ),
    );
  return { standing: standing!, claims, leaderAnswers: leader.length > 0 };
}

async function writeDecision(
  tx: Transaction,
  claim: AliasClaim,
  { standing, evicted }: ReturnType<typeof decideClaim>,
): Promise<void> {
  await tx
    .update(aliases)
    .set({ ...standing, updatedAt: claim.claimedAt })
    .where(ofAlias(claim));
  const row = { ...claim, epoch: standing.epoch };
  await tx.insert(aliasClaims).values(row).onDuplicateKeyUpdate({ set: row });
  if (evicted.length > 0)
    await tx
      .delete(aliasClaims)
      .where(and(claimsOfAlias(claim), inArray(aliasClaims.caller, evicted)));
}

function ofAlias({ profileId, alias }: AliasClaim) {
  return and(eq(aliases.profileId, profileId), eq(aliases.alias, alias));
}

function claimsOfAlias({ profileId, alias }: AliasClaim) {
  return and(eq(aliasClaims.profileId, profileId), eq(aliasClaims.alias, alias));
}
