import { createCipheriv, randomBytes } from "node:crypto";
import { LRUCache } from "lru-cache";
import { identify, type Identify, type ImageIdentity } from "../classification/identity.ts";

export interface IdentifyOptions {
  /** Photos whose digest is remembered, about 300 bytes each. */
  maxRemembered: number;
}

/**
 * Names images like `identify`, and recalls the digest of those seen before ten times faster than
 * SHA-256 computes it (400 kB: 21 us against 224 us).
 *
 * What recalls it is GMAC (NIST SP 800-38D), a 128-bit universal hash under a key that this process
 * draws at its start and shows nobody. Two images of n bytes that somebody chose without knowing the
 * key have the same tag with a probability of n / 2^132 at most, so equal tags mean equal bytes. One
 * nonce for all tags would give the key away to who sees them; they never leave this function.
 */
export function createIdentify({ maxRemembered }: IdentifyOptions): Identify {
  const key = randomBytes(16);
  const nonce = Buffer.alloc(12);
  const remembered = new LRUCache<string, ImageIdentity>({ max: maxRemembered });

  function tagOf(bytes: Uint8Array): string {
    const gmac = createCipheriv("aes-128-gcm", key, nonce);
    gmac.setAAD(bytes);
    gmac.final();
    return gmac.getAuthTag().toString("latin1");
  }

  return function identifyRemembered(bytes) {
    const tag = tagOf(bytes);
    const known = remembered.get(tag);
    if (known) return known;
    const identity = identify(bytes);
    remembered.set(tag, identity);
    return identity;
  };
}
