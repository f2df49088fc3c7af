import { ANSWER_SETTINGS } from "./settings/answers.ts";
import { BUDGET_SETTINGS } from "./settings/budget.ts";
import { CACHE_SETTINGS } from "./settings/cache.ts";
import { LANGUAGE_MODEL_SETTINGS } from "./settings/language-models.ts";
import { LOCAL_MODEL_SETTINGS } from "./settings/local-model.ts";
import { SERVER_SETTINGS } from "./settings/server.ts";
import type { Setting } from "./settings/setting-kinds.ts";
import { STORE_SETTINGS } from "./settings/stores.ts";
import { UPLOAD_SETTINGS } from "./settings/uploads.ts";

/** Every setting there is, as an operator looks for them. */
export const SECTIONS = [
  { title: "Server", settings: SERVER_SETTINGS },
  { title: "Database and Redis", settings: STORE_SETTINGS },
  { title: "Which model answers", settings: ANSWER_SETTINGS },
  { title: "Language models", settings: LANGUAGE_MODEL_SETTINGS },
  { title: "What they may cost", settings: BUDGET_SETTINGS },
  { title: "Local model", settings: LOCAL_MODEL_SETTINGS },
  { title: "Cache and claims", settings: CACHE_SETTINGS },
  { title: "Uploads", settings: UPLOAD_SETTINGS },
] as const satisfies readonly Section[];

interface Section {
  title: string;
  settings: Record<string, Setting<unknown>>;
}

/**
 * Every setting by the name of its environment variable. The parser, `--help`, the README's tables and
 * `.env.example` all come from here.
 */
export const SETTINGS = {
  ...SERVER_SETTINGS,
  ...STORE_SETTINGS,
  ...ANSWER_SETTINGS,
  ...LANGUAGE_MODEL_SETTINGS,
  ...BUDGET_SETTINGS,
  ...LOCAL_MODEL_SETTINGS,
  ...CACHE_SETTINGS,
  ...UPLOAD_SETTINGS,
} as const;

export type SettingName = keyof typeof SETTINGS;
