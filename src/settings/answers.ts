import { INFERENCE_MODES } from "../classification/classify-by-mode.ts";
import { integer, oneOf, text } from "./setting-kinds.ts";

/** Which model is asked, and what becomes of a stopgap. */
export const ANSWER_SETTINGS = {
  INFERENCE: oneOf(INFERENCE_MODES, {
    fallback: "llm-first",
    about: "Which model is asked first, and whether the other may answer when it can't.",
  }),
  PROFILE_FILE: text({
    about: "JSON file with categories, prompt and language of your own (docs/profiles.md).",
  }),
  UPGRADES_PER_MINUTE: integer(1, 6_000, {
    fallback: "120",
    about:
      "Stopgap answers of the local model that a language model replaces in the background, at most, over all processes of a database.",
  }),
  UPGRADE_QUEUE_MB: integer(1, 65_536, {
    fallback: "256",
    about: "Pictures kept on disk for that, in MiB, at most; each for at most an hour.",
  }),
};
