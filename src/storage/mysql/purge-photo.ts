import { and, inArray, max } from "drizzle-orm";
import type { MySql2Database } from "drizzle-orm/mysql2";
import type { Digest } from "../../classification/identity.ts";
import type { PurgedPhoto } from "../../classification/ports/result-store.ts";
import {
  announcePurge,
  isOfAlias,
  nextProfile,
  ONE_SUPPORTER,
  purgeConditions,
  type PurgeTarget,
  purgeTime,
} from "../photo-purge.ts";
import { retryDeadlock } from "./retry-deadlock.ts";
import * as tables from "./schema.ts";

const { aliasClaims, aliases, invalidations, results } = tables;

type Transaction = Parameters<Parameters<MySql2Database["transaction"]>[0]>[0];

export async function purgeMysqlPhoto(
  db: MySql2Database,
  hash: Digest,
  now: number,
): Promise<PurgedPhoto> {
  const profiles = await findProfiles(db);
  const { purged, isOld } = await retryDeadlock(() =>
    db.transaction(async (tx) => {
      const target = await findTarget(tx, profiles, hash);
      const before = purgeTime(target, now);
      const { digests } = target;
      const going = purgeConditions(tables, profiles, hash, { digests, before });
      const announced = announcePurge(hash, target, before);
      const purged: PurgedPhoto = {
        // Aliases first, in the order in which a claim locks them.
        aliases: await affected(
          tx.update(aliases).set({ supporters: ONE_SUPPORTER }).where(going.aliases),
        ),
        claims: await affected(tx.delete(aliasClaims).where(going.claims)),
        results: await affected(tx.delete(results).where(going.oldResults)),
        invalidations: announced,
      };
      await tx.delete(aliases).where(going.emptyAliases);
      // Last, so that its id waits only for the commit.
      await tx.insert(invalidations).values(announced);
      return { purged, isOld: going.oldResults };
    }),
  );
  // A save that looked for purges before this one was there has inserted by now, and may not have
  // committed: this waits for it. One that looks later leaves the result out by itself.
  const late = await retryDeadlock(() => affected(db.delete(results).where(isOld)));
  return { ...purged, results: purged.results + late };
}

async function findProfiles(db: MySql2Database): Promise<string[]> {
  const profiles: string[] = [];
  for (;;) {
    const [rows] = await db.execute(nextProfile(tables, profiles.at(-1) ?? null));
    const [profile] = Object.values((rows as unknown as Record<string, string | null>[])[0] ?? {});
    if (typeof profile !== "string") return profiles;
    profiles.push(profile);
  }
}

async function findTarget(tx: Transaction, profiles: string[], hash: Digest): Promise<PurgeTarget> {
  const led = await tx
    .select({ digest: aliases.leaderDigest })
    .from(aliases)
    .where(isOfAlias(aliases, profiles, hash));
  const claimed = await tx
    .select({ digest: aliasClaims.digest })
    .from(aliasClaims)
    .where(isOfAlias(aliasClaims, profiles, hash));
  const digests = [...new Set([hash, ...[...led, ...claimed].map(({ digest }) => digest)])];
  const [newest] = await tx
    .select({ at: max(results.createdAt) })
    .from(results)
    .where(and(inArray(results.profileId, profiles), inArray(results.digest, digests)));
  return { digests, isAlias: led.length > 0, newestAt: newest?.at ?? null };
}

async function affected(query: PromiseLike<[{ affectedRows: number }, unknown]>): Promise<number> {
  const [{ affectedRows }] = await query;
  return affectedRows;
}
