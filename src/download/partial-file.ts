import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { z } from "zod";

const originSchema = z.object({ address: z.string(), etag: z.string() });
type Origin = z.infer<typeof originSchema>;

/** How much of a download there is, and under which ETag the rest may be asked for. */
export interface Progress {
  size: number;
  etag: string;
}

/** The beginning of a file that is being downloaded, beside the place where it will be. */
export interface PartialFile {
  /** What an earlier try left of this address; null where there is nothing to go on from. */
  read(): Promise<Progress | null>;
  /** Starts anew with a version of the file; without an ETag it cannot be gone on with later. */
  begin(etag: string | null): Promise<FileHandle>;
  /** Goes on at the end. */
  append(): Promise<FileHandle>;
  discard(): Promise<void>;
  /** Puts the finished file in its place, in one step. */
  finish(): Promise<void>;
  readonly path: string;
}

/**
 * `<target>.part` holds the bytes, `<target>.part.json` says of which version of which file. Two
 * processes that download to the same target disturb each other; the checksum finds that out.
 */
export function openPartialFile(target: string, address: string): PartialFile {
  const path = `${target}.part`;
  const originPath = `${path}.json`;
  return {
    path,
    async read() {
      const origin = await readOrigin(originPath);
      if (origin?.address !== address) return null;
      const size = await sizeOf(path);
      return size > 0 ? { size, etag: origin.etag } : null;
    },
    async begin(etag) {
      await forget(originPath);
      const file = await open(path, "w");
      // After the truncation, so that the ETag never stands beside bytes of another version.
      if (etag !== null) await Bun.write(originPath, JSON.stringify({ address, etag }));
      return file;
    },
    append: () => open(path, "a"),
    async discard() {
      await forget(originPath);
      await forget(path);
    },
    async finish() {
      await rename(path, target);
      await forget(originPath);
    },
  };
}

function forget(file: string): Promise<void> {
  return rm(file, { force: true });
}

async function readOrigin(path: string): Promise<Origin | null> {
  const file = Bun.file(path);
  if (!(await file.exists())) return null;
  const parsed = originSchema.safeParse(await file.json().catch(() => null));
  return parsed.success ? parsed.data : null;
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
