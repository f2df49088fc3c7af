import type { UploadAnswer } from "../classification/classify-upload.ts";
import type { LookupAnswer } from "../classification/lookup.ts";

/** `Cache-Status` (RFC 9211) of a lookup. */
export function lookupCacheStatus({ match, tier, complete }: LookupAnswer): string {
  if (match && tier) return `onceover; hit; detail=${tier}`;
  return complete ? "onceover; fwd=miss" : "onceover; fwd=bypass; detail=database-unavailable";
}

/** `Cache-Status` (RFC 9211) of an upload. */
export function uploadCacheStatus({ source, collapsed, saved }: UploadAnswer): string {
  if (source !== "model") return `onceover; hit; detail=${source}`;
  if (collapsed) return "onceover; fwd=miss; collapsed";
  return saved === "stored" || saved === "journaled"
    ? "onceover; fwd=miss; stored"
    : "onceover; fwd=miss";
}
