/**
 * How an image is named.
 *
 * - digest: SHA-256 of the uploaded bytes, 64 lower-case hex characters; what a result is proven by.
 * - fingerprint: XXH3-64 (seed 0, https://github.com/Cyan4973/xxHash) of the same bytes, 16 lower-case
 *   hex characters; fast, not collision-resistant, never served for an upload without the digest.
 * - alias: a 64-character hash that an app claims for an upload and that is not its digest.
 */
export type Digest = ImageHash & { readonly __kind: "digest" };
export type Fingerprint = ImageHash & { readonly __kind: "fingerprint" };
/** What a client may ask about: a digest or alias (64 hex) or a fingerprint (16 hex), lower case. */
export type ImageHash = string & { readonly __brand: "ImageHash" };

export interface ImageIdentity {
  digest: Digest;
  fingerprint: Fingerprint;
}

/** Names an image by its bytes. */
export type Identify = (bytes: Uint8Array) => ImageIdentity;

export const identify: Identify = (bytes) => ({
  digest: Bun.SHA256.hash(bytes, "hex") as Digest,
  fingerprint: fingerprintFromInteger(Bun.hash.xxHash3(bytes)),
});

export function fingerprintFromInteger(value: bigint): Fingerprint {
  return value.toString(16).padStart(16, "0") as Fingerprint;
}

const HASH = /^(?:[0-9a-f]{64}|[0-9a-f]{16})$/;

/** Lower-cases a client's hash; null when it is not exactly 64 or 16 hex characters. */
export function parseImageHash(text: string): ImageHash | null {
  const lower = text.toLowerCase();
  return HASH.test(lower) ? (lower as ImageHash) : null;
}

export function isFingerprint(hash: ImageHash): hash is Fingerprint {
  return hash.length === 16;
}
