import { randomBytes, timingSafeEqual } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Who knows it may administer the server. */
export interface AdminToken {
  /** Takes the same time for every wrong token. */
  matches(given: string): boolean;
  /** The token, where this call made it; nobody can read it again. null: it was there before. */
  readonly created: string | null;
}

/** The token's file cannot be made or read; the message names it. */
export class AdminTokenError extends Error {
  override readonly name = "AdminTokenError";
}

export interface AdminTokenOptions {
  /** As configured; null: one is made at the first start. */
  token: string | null;
  /** Keeps the hash of the one that was made. Processes that share it share the token. */
  file: string;
}

const RANDOM_BYTES = 32;
const OWNER_ONLY = 0o600;
/** As in the file: SHA-256 of the token, which is too random to be guessed from it. */
const HASH_LINE = /^sha256:([0-9a-f]{64})\n$/;

/** Throws an AdminTokenError. */
export function openAdminToken({ token, file }: AdminTokenOptions): AdminToken {
  if (token !== null) return createAdminToken(hash(token), null);
  try {
    return keepAdminToken(file);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `cannot keep an administrator's token in ${file}: ${reason}`;
    throw new AdminTokenError(`${message}; mend that, or set ADMIN_TOKEN`, { cause });
  }
}

function keepAdminToken(file: string): AdminToken {
  const known = readHash(file);
  if (known) return createAdminToken(known, null);
  const made = randomBytes(RANDOM_BYTES).toString("base64url");
  const madeHash = hash(made);
  if (placeFile(file, `sha256:${madeHash.toString("hex")}\n`)) {
    return createAdminToken(madeHash, made);
  }
  // Another process was faster.
  const theirs = readHash(file);
  if (!theirs) throw new Error("it disappeared");
  return createAdminToken(theirs, null);
}

function createAdminToken(expected: Buffer, created: string | null): AdminToken {
  return { matches: (given) => timingSafeEqual(hash(given), expected), created };
}

function hash(token: string): Buffer {
  return Buffer.from(Bun.SHA256.hash(token).buffer);
}

/** null: there is no such file. */
function readHash(file: string): Buffer | null {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return null;
    throw error;
  }
  const [, hex] = HASH_LINE.exec(text) ?? [];
  if (hex === undefined) throw new Error("it holds no token's hash; delete it to get a new one");
  return Buffer.from(hex, "hex");
}

/**
 * Makes the file with all of its content at once, so that no other process reads half of it; false
 * when it is there already.
 */
function placeFile(file: string, content: string): boolean {
  mkdirSync(dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}.${randomBytes(4).toString("hex")}`;
  try {
    writeFileSync(draft, content, { flag: "wx", mode: OWNER_ONLY });
    linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}
