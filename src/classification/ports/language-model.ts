import type { Profile } from "../profile.ts";
import type { Outcome } from "./outcome.ts";
import type { PreparedPicture } from "./picture-reader.ts";

export type LanguageModelFailure =
  | "timeout"
  | "unreachable"
  | "rate_limited"
  | "unauthorized"
  | "rejected"
  | "refused"
  | "malformed_output"
  | "server_error"
  | "circuit_open"
  | "overloaded"
  | "over_budget";

export interface LanguageModelAnswer {
  category: string;
  confidence: number;
  description: string;
  provider: string;
  model: string;
  /** As the provider counted them; null where it does not say. */
  usage: { inputTokens: number; outputTokens: number } | null;
  /** Of the call that answered, in millionths of the money unit, a whole number. */
  costMicros: number;
}

export interface LanguageModel {
  /** Settles by `deadlineAt` (milliseconds since the epoch), whatever the provider does. */
  classify(
    picture: PreparedPicture,
    profile: Profile,
    deadlineAt: number,
  ): Promise<Outcome<LanguageModelAnswer, LanguageModelFailure>>;
  /** Whether a call made now would be sent: false while the circuit breaker is open. */
  isAvailable(): boolean;
  /** How many calls made now would start at once; 0 while anybody waits for a turn. */
  spareCapacity(): number;
}
