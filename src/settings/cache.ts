import { decimal, integer, oneOf } from "./setting-kinds.ts";

/** How long results last, and whom a claimed hash answers. */
export const CACHE_SETTINGS = {
  CACHE_TTL_DAYS: decimal(0, 36_500, {
    fallback: "0",
    about: "Days that a result is kept; 0: for good.",
  }),
  MEMORY_CACHE_ENTRIES: integer(1, 10_000_000, {
    fallback: "50000",
    about: "Results kept in memory, at most.",
  }),
  MEMORY_CACHE_MB: integer(1, 65_536, {
    fallback: "64",
    about: "Memory for them, in MiB, at most.",
  }),
  ALIAS_TRUST: oneOf(["corroborated", "shared", "verified"], {
    fallback: "corroborated",
    about:
      "Whom a claimed hash answers: everyone once callers agree, everyone at once, or nobody (only true digests).",
  }),
  ALIAS_QUORUM: integer(2, 100, {
    fallback: "2",
    about: "Different callers that must agree before a claimed hash answers everyone.",
  }),
  ALIAS_MAX_DISTANCE: integer(0, 32, {
    fallback: "6",
    about: "Bits of 64 in which the difference hashes of two pictures that look alike may differ.",
  }),
};
