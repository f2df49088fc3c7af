export type DownloadFailure =
  | "not_found"
  /** Any other status that is no success. */
  | "refused"
  | "redirected"
  | "unreachable"
  /** The server's idea of what is missing is not ours; the partial file is of no use. */
  | "range_refused"
  /** The connection ends or stands still before the file does, again and again. */
  | "truncated"
  | "wrong_size"
  | "wrong_checksum"
  /** The disk is full or refuses to be written. */
  | "disk";

/** How one try ended: done, worth another try after a while, or hopeless. */
export type TryResult =
  { type: "complete" } | { type: "again"; afterMs: number; why: Failed } | Failed;

export type Failed = { type: "failed"; reason: DownloadFailure; detail: string };

export function explainDiskError(error: unknown): Failed {
  const isFull = error instanceof Error && "code" in error && error.code === "ENOSPC";
  return failed("disk", `${isFull ? "The disk is full" : "Cannot write"}: ${messageOf(error)}`);
}

export function failed(reason: DownloadFailure, detail: string): Failed {
  return { type: "failed", reason, detail };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
