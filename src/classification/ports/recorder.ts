import type { Digest } from "../identity.ts";
import type { StoredResult } from "../result.ts";

/** Takes notes off the request path: bounded, batched, sheds request lines first. */
export interface Recorder {
  /** `describe` is called only where there is room for the line: under load most are shed. */
  recordRequest(describe: () => RequestRecord): void;
  recordHit(result: StoredResult, at: number): void;
}

/** One line of the request log. */
export interface RequestRecord {
  requestId: string;
  at: number;
  operation: "check_cache" | "batch_check_cache" | "classify" | "batch_classify";
  userId: string | null;
  ip: string | null;
  /** Images asked about, 1 for the single operations. */
  imageCount: number;
  /** Images answered from the cache. */
  cachedCount: number;
  failedCount: number;
  /** HTTP status. */
  status: number;
  durationMs: number;
  /** Of a single classification: how it was answered. */
  method: "cache" | "llm" | "llm_fallback" | "local" | "local_fallback" | null;
  category: string | null;
  digest: Digest | null;
  /** Who answered, where the request made model calls of its own and all went to the same. */
  provider: string | null;
  model: string | null;
  /** Of the calls that answered; null where no provider counted any. */
  inputTokens: number | null;
  outputTokens: number | null;
  /** In millionths of the money unit. */
  costMicros: number;
}
