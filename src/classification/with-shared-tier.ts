import type { ResultSink } from "./ports/result-sink.ts";
import type { SharedTier } from "./ports/shared-tier.ts";

/**
 * Writes through to the shared tier what goes to the sink, so that other processes find a new result
 * there at once. Its failure is nobody's: the database is asked after it.
 */
export function withSharedTier<Sink extends ResultSink>(sink: Sink, sharedTier: SharedTier): Sink {
  return {
    ...sink,
    async saveResult(result) {
      const [outcome] = await Promise.all([sink.saveResult(result), sharedTier.save(result)]);
      return outcome;
    },
    async recordClaim(claim) {
      const verdict = await sink.recordClaim(claim);
      if (verdict === "contradicts") {
        const { alias: digest, claimedAt: before } = claim;
        await sharedTier.invalidate([{ kind: "alias_disputed", digest, before }]);
      }
      return verdict;
    },
  };
}
