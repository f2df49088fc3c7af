import { decimal, integer, timeZone } from "./setting-kinds.ts";

/** What language models cost, and may cost. */
export const BUDGET_SETTINGS = {
  COST_PER_API_CALL: decimal(0, 1_000, {
    fallback: "0.001",
    about: "What one language-model call costs where prices or token counts are not known.",
  }),
  LLM_DAILY_BUDGET: decimal(0, 1_000_000_000, {
    fallback: "0",
    about:
      "What language models may cost a day, over all processes of a database, in the unit of the prices; beyond, the local model answers. 0: no limit.",
  }),
  LLM_DAILY_CALLS: integer(0, 1_000_000_000, {
    fallback: "0",
    about: "How many calls they may get a day, retries included. 0: no limit.",
  }),
  BUDGET_TIME_ZONE: timeZone({
    fallback: "UTC",
    about: "Where the midnight is at which both begin anew.",
  }),
};
