import type { Digest, ImageHash } from "../../classification/identity.ts";
import type { CacheMatch, StoredResult } from "../../classification/result.ts";
import type { RedisCommands } from "../../redis/open-transport.ts";
import { type AliasTarget, decodeAlias, decodeResult } from "./codec.ts";
import type { RedisKeys } from "./keys.ts";

/**
 * Reads what answers the hashes: one round trip for the results and aliases of that name, another for the
 * results that aliases point to. What cannot be read counts as absent.
 */
export async function readEntries(
  client: RedisCommands,
  hashes: readonly Digest[],
  keys: RedisKeys,
  profileId: string,
): Promise<Map<ImageHash, CacheMatch>> {
  const found = new Map<ImageHash, CacheMatch>();
  const aliasKeys = keys.alias ? hashes.map(keys.alias) : [];
  const values = await client.mget<unknown[]>([...hashes.map(keys.result), ...aliasKeys]);
  const targets = new Map<Digest, AliasTarget>();
  for (const [index, hash] of hashes.entries()) {
    const result = decodeResult(values[index], profileId, hash);
    const target = decodeAlias(values[hashes.length + index]);
    if (result) found.set(hash, { hash, kind: "digest", result });
    else if (target) targets.set(hash, target);
  }
  if (targets.size === 0) return found;

  const digests = [...new Set([...targets.values()].map(({ digest }) => digest))];
  const targetValues = await client.mget<unknown[]>(digests.map(keys.result));
  const results = new Map<Digest, StoredResult | null>();
  for (const [index, digest] of digests.entries())
    results.set(digest, decodeResult(targetValues[index], profileId, digest));
  for (const [hash, { digest, createdAt }] of targets) {
    const result = results.get(digest);
    if (result?.createdAt === createdAt) found.set(hash, { hash, kind: "shared_alias", result });
  }
  return found;
}
