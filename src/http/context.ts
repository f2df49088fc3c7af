import type { Logger } from "pino";
import type { ClassifyUpload } from "../classification/classify-upload.ts";
import type { Lookup } from "../classification/lookup.ts";
import type { PurgePhoto } from "../classification/purge-photo.ts";
import type { Recorder } from "../classification/ports/recorder.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Exchange } from "./exchange.ts";
import type { UploadBudget } from "./upload-budget.ts";

/** What the HTTP layer needs of the rest of the program. */
export interface HttpDeps {
  lookup: Lookup;
  classifyUpload: ClassifyUpload;
  purgePhoto: PurgePhoto;
  /** Whether this is the administrator's token. */
  isAdminToken: (given: string) => boolean;
  recorder: Pick<Recorder, "recordRequest">;
  health: () => Promise<HealthReport>;
  /** False from the moment the server begins to stop. */
  isReady: () => boolean;
  metrics: Pick<Metrics, "requestHandled">;
  exposeMetrics: () => Promise<string>;
  log: Logger;
  uploadBudget: UploadBudget;
  limits: HttpLimits;
  corsOrigins: readonly string[] | null;
  /** See `CLIENT_IP_HEADER`. */
  clientIpHeader: string | null;
  version: string;
  clock: () => number;
}

export interface HttpLimits {
  maxImageBytes: number;
  /** Longest time for a request's body to arrive, in milliseconds. */
  bodyTimeoutMs: number;
}

export interface HealthReport {
  status: "healthy" | "unhealthy";
  database: "connected" | "disconnected";
  redis: "connected" | "disconnected" | "not_configured";
  model_api: "available" | "degraded" | "not_configured";
  details: {
    store: "sqlite" | "mysql";
    replicas: { configured: number; usable: number } | null;
    inference: string;
    profile: string;
    language_model: { configured: boolean; available: boolean; model: string | null };
    /** In the order in which they are asked; `since` is ISO 8601. */
    language_models: {
      name: string;
      model: string;
      circuit: "closed" | "open" | "half_open";
      reason: string | null;
      since: string;
    }[];
    local_model: { name: string | null; available: boolean };
    budget: {
      day: string;
      calls: number;
      calls_limit: number | null;
      cost: number;
      cost_limit: number | null;
      exhausted: boolean;
    } | null;
    journal_entries: number;
    upgrades_waiting: number;
  };
}

/** Hono's environment: each request's bindings are its exchange. */
export interface AppEnv {
  Bindings: Exchange;
}
