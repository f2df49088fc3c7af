import { and, inArray, max } from "drizzle-orm";
import type { BunSQLiteDatabase } from "drizzle-orm/bun-sqlite";
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
import * as tables from "./schema.ts";
import { affectedRows, WRITING } from "./writes.ts";

const { aliasClaims, aliases, invalidations, results } = tables;

type Transaction = Parameters<Parameters<BunSQLiteDatabase["transaction"]>[0]>[0];

export function purgeSqlitePhoto(db: BunSQLiteDatabase, hash: Digest, now: number): PurgedPhoto {
  return db.transaction((tx) => {
    const profiles = findProfiles(tx);
    const target = findTarget(tx, profiles, hash);
    const before = purgeTime(target, now);
    const { digests } = target;
    const going = purgeConditions(tables, profiles, hash, { digests, before });
    const announced = announcePurge(hash, target, before);
    const purged: PurgedPhoto = {
      aliases: affectedRows(
        tx.update(aliases).set({ supporters: ONE_SUPPORTER }).where(going.aliases).run(),
      ),
      claims: affectedRows(tx.delete(aliasClaims).where(going.claims).run()),
      results: affectedRows(tx.delete(results).where(going.oldResults).run()),
      invalidations: announced,
    };
    tx.delete(aliases).where(going.emptyAliases).run();
    tx.insert(invalidations).values(announced).run();
    return purged;
  }, WRITING);
}

function findProfiles(tx: Transaction): string[] {
  const profiles: string[] = [];
  for (;;) {
    const [row] = tx.values<[string | null]>(nextProfile(tables, profiles.at(-1) ?? null));
    const profile = row?.[0];
    if (typeof profile !== "string") return profiles;
    profiles.push(profile);
  }
}

function findTarget(tx: Transaction, profiles: string[], hash: Digest): PurgeTarget {
  const led = tx
    .select({ digest: aliases.leaderDigest })
    .from(aliases)
    .where(isOfAlias(aliases, profiles, hash))
    .all();
  const claimed = tx
    .select({ digest: aliasClaims.digest })
    .from(aliasClaims)
    .where(isOfAlias(aliasClaims, profiles, hash))
    .all();
  const digests = [...new Set([hash, ...[...led, ...claimed].map(({ digest }) => digest)])];
  const newest = tx
    .select({ at: max(results.createdAt) })
    .from(results)
    .where(and(inArray(results.profileId, profiles), inArray(results.digest, digests)))
    .get();
  return { digests, isAlias: led.length > 0, newestAt: newest?.at ?? null };
}
