/** How identity looks in a column. Wrong input throws a RangeError: a shortened key would match another image. */

/** 64 hex characters to the 32 bytes of a digest or alias. */
export function encodeDigest(hex: string): Buffer {
  return encodeHex(hex, 32);
}

/** 16 hex characters to the 8 bytes of a fingerprint or picture hash, most significant first. */
export function encodeWord(hex: string): Buffer {
  return encodeHex(hex, 8);
}

export function decodeHex<Hex extends string>(bytes: Uint8Array): Hex {
  return bytes.toHex() as Hex;
}

/** 16 hex characters to the decimal digits of an unsigned 64-bit integer: a number would lose its low bits. */
export function encodeUnsigned(hex: string): string {
  return encodeWord(hex).readBigUInt64BE().toString();
}

/** Drivers give small integers as numbers and those above 2^53 as strings. */
export function decodeUnsigned<Hex extends string>(value: number | string | bigint): Hex {
  return BigInt(value).toString(16).padStart(16, "0") as Hex;
}

/** Cuts a text to what its column holds, never inside a surrogate pair. */
export function clip(text: string | null, maxLength: number): string | null {
  if (text === null || text.length <= maxLength) return text;
  return text
    .slice(0, maxLength)
    .toWellFormed()
    .replace(/\uFFFD$/, "");
}

function encodeHex(hex: string, byteLength: number): Buffer {
  // Stops at what is no hex digit, so that the length tells.
  const bytes = Buffer.from(hex, "hex");
  if (hex.length !== byteLength * 2 || bytes.length !== byteLength)
    throw new RangeError(`expected ${byteLength * 2} hex characters, got ${JSON.stringify(hex)}`);
  return bytes;
}
