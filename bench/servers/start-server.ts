import { startProcess, type RunningServer } from "./start-process.ts";

export type { RunningServer } from "./start-process.ts";

/** A language model that nobody asks: with one configured, no local model is needed. */
const UNUSED_LANGUAGE_MODEL = { LLM_BASE_URL: "http://127.0.0.1:9/v1", LOCAL_MODEL: "none" };

/** Starts the product as an operator would, with its own files in `dataDir`. */
export function startServer(
  dataDir: string,
  settings: Record<string, string> = {},
): Promise<RunningServer> {
  return startProcess({
    script: "src/main.ts",
    env: { DATA_DIR: dataDir, LOG_LEVEL: "error", ...settings },
    readyPath: "/readyz",
  });
}

/** The product where only its cache is asked. */
export function startCacheServer(
  dataDir: string,
  settings: Record<string, string> = {},
): Promise<RunningServer> {
  return startServer(dataDir, { ...UNUSED_LANGUAGE_MODEL, ...settings });
}

/** Starts a bare server of bench/baselines. */
export function startBaseline(name: string, ...args: string[]): Promise<RunningServer> {
  return startProcess({ script: `bench/baselines/${name}.ts`, args });
}
