import type { SupervisorLink } from "./supervisor/supervisor-link.ts";
import { mergeExpositions } from "./telemetry/merge-expositions.ts";
import type { Metrics } from "./telemetry/metrics.ts";

/** Reads this process' metrics, or those of all workers that share its port. */
export function createExposeMetrics(
  { expose }: Pick<Metrics, "expose">,
  link: SupervisorLink | null,
): () => Promise<string> {
  if (!link) return expose;
  link.onExpose(expose);
  return async () => {
    const texts = await link.gather();
    return texts?.length ? mergeExpositions(texts) : expose();
  };
}
