import type { SupervisorLink } from "./supervisor/supervisor-link.ts";
import { mergeExpositions } from "./telemetry/merge-expositions.ts";
import type { Exposition, Metrics } from "./telemetry/metrics.ts";

/** Reads this process' metrics, or those of all workers that share its port. */
export function createExposeMetrics(
  metrics: Pick<Metrics, "expose">,
  link: SupervisorLink | null,
): () => Promise<Exposition> {
  if (!link) return () => metrics.expose();
  link.onExpose(async () => (await metrics.expose()).text);
  return async () => {
    const texts = await link.gather();
    const own = await metrics.expose();
    return texts?.length ? { ...own, text: mergeExpositions(texts) } : own;
  };
}
