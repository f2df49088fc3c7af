import { openSqliteStore } from "../../src/storage/sqlite/open-sqlite-store.ts";
import { drawPhoto } from "../../test/support/pictures.ts";
import { fillStore, resultFor } from "./results.ts";

/** What the apps upload: the long side shrunk to 1024 px. */
const SIZE = { width: 1024, height: 768 };
const KNOWN_PHOTO_BYTES = 400_000;

/** A JPEG as the apps send it. */
export function drawUpload(): Promise<Uint8Array<ArrayBuffer>> {
  return drawPhoto({ ...SIZE, quality: 85 });
}

/** An upload of exactly 400 kB; a cache that knows it never decodes it. */
export async function drawKnownPhoto(): Promise<Uint8Array<ArrayBuffer>> {
  const photo = new Uint8Array(KNOWN_PHOTO_BYTES);
  photo.set((await drawPhoto({ ...SIZE, quality: 75 })).subarray(0, KNOWN_PHOTO_BYTES));
  return photo;
}

/** Fills a SQLite database with results, and one for each of `photos`; resolves to the digests. */
export async function fillSqlite(
  dataDir: string,
  count: number,
  photos: readonly Uint8Array[] = [],
): Promise<string[]> {
  const store = openSqliteStore({ file: `${dataDir}/onceover.db` });
  try {
    const digests = await fillStore(store, count);
    if (photos.length > 0) await store.saveResults(photos.map(resultFor));
    return digests;
  } finally {
    await store.close();
  }
}

/** Writes hashes as bench/wrk/check-cache.lua reads them; resolves to the file. */
export async function writeHashes(folder: string, hashes: readonly string[]): Promise<string> {
  const file = `${folder}/hashes-${hashes.length}`;
  await Bun.write(file, `${hashes.join("\n")}\n`);
  return file;
}
