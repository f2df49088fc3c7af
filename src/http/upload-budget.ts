import { AppError } from "../errors.ts";

/** Bytes of uploads that may be in memory at once, over all requests. */
export interface UploadBudget {
  /** Takes `bytes` for the time that `work` runs; rejects with `server_overloaded` when they are not there. */
  hold<Result>(bytes: number, work: () => Promise<Result>): Promise<Result>;
  readonly heldBytes: number;
}

export function createUploadBudget(maxBytes: number): UploadBudget {
  let heldBytes = 0;
  return {
    get heldBytes() {
      return heldBytes;
    },
    async hold(bytes, work) {
      // A request larger than the whole budget may still pass, alone.
      if (heldBytes > 0 && heldBytes + bytes > maxBytes) {
        const detail = "Too many uploads are in progress. Please send this one again.";
        throw new AppError("server_overloaded", detail, { retryAfterS: 1 });
      }
      heldBytes += bytes;
      try {
        return await work();
      } finally {
        heldBytes -= bytes;
      }
    },
  };
}
