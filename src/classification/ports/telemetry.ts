import type { ClaimVerdict } from "../alias.ts";
import type { Classification, ClassificationMethod } from "../result.ts";
import type { Turn } from "../take-turn.ts";

/** Counts what happens, for metrics; must cost next to nothing. */
export interface Telemetry {
  lookedUp(outcome: "memory" | "redis" | "sql" | "miss" | "unavailable"): void;
  classified(method: ClassificationMethod, durationMs: number): void;
  classificationFailed(reason: string): void;
  claimed(verdict: ClaimVerdict): void;
  upgraded(): void;
  /** How this process came to the model call of an unknown photo. */
  tookTurn(kind: Turn["kind"]): void;
  /** A language model answered; `answer` says which, and what it took. */
  paid(answer: Classification): void;
}
