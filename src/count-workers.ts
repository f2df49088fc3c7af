import { availableParallelism } from "node:os";
import type { Config } from "./config.ts";

/** How many server processes this machine is to run. */
export function countWorkers({ WORKERS }: Pick<Config, "WORKERS">): number {
  return WORKERS === "auto" ? availableParallelism() : WORKERS;
}
