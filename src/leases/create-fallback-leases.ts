import type { Leases } from "../classification/ports/leases.ts";

/**
 * Leases from the second source while the first one cannot be asked. For as long as processes disagree
 * on that, two may hold a lease of one name.
 */
export function createFallbackLeases(first: Leases, second: Leases): Leases {
  return {
    async acquire(name) {
      const outcome = await first.acquire(name);
      return outcome.ok ? outcome : second.acquire(name);
    },
  };
}
