/** Deletes at most `limit` rows of each kind; resolves to how many of which went. Rejects when it cannot. */
export type DeleteBatch = (limit: number) => Promise<Record<string, number>>;

export interface DeleteOptions {
  batches: readonly DeleteBatch[];
  /** Rows of one batch: what other writers wait for. */
  limit: number;
  /** Between two batches, for those writers. */
  pause: () => Promise<unknown>;
  /** Between batches the deletion ends when it aborts. */
  signal: AbortSignal;
}

/** Deletes batch by batch until nothing is left; resolves to how many rows of which kind went. */
export async function deleteExpired(options: DeleteOptions): Promise<Record<string, number>> {
  const { batches, limit, pause, signal } = options;
  const deleted: Record<string, number> = {};
  for (const deleteBatch of batches) {
    let isFull = true;
    while (isFull && !signal.aborted) {
      const counts = Object.entries(await deleteBatch(limit));
      for (const [kind, count] of counts) deleted[kind] = (deleted[kind] ?? 0) + count;
      isFull = counts.some(([, count]) => count >= limit);
      if (isFull) await pause();
    }
  }
  return deleted;
}
