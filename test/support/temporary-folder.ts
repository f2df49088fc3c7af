import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder of one's own, gone with everything in it when disposed. */
export function openTemporaryFolder(): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), "onceover-test-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
