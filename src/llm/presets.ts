import type { StructuredOutput } from "./request.ts";

/** What is known of a vendor; docs/llm.md has the pages that say so. */
export interface Preset {
  baseUrl: string;
  /** Environment variable that usually holds the key; null: none is needed. */
  apiKeyVariable: string | null;
  structuredOutput: StructuredOutput;
}

export const PRESET_NAMES = [
  "openai",
  "dashscope",
  "gemini",
  "anthropic",
  "ollama",
  "vllm",
] as const;
export type PresetName = (typeof PRESET_NAMES)[number];

export const PRESETS: Record<PresetName, Preset> = {
  openai: {
    baseUrl: "https://api.openai.com/v1",
    apiKeyVariable: "OPENAI_API_KEY",
    structuredOutput: "json_schema",
  },
  dashscope: {
    baseUrl: "https://dashscope.aliyuncs.com/compatible-mode/v1",
    apiKeyVariable: "DASHSCOPE_API_KEY",
    structuredOutput: "json_object",
  },
  gemini: {
    baseUrl: "https://generativelanguage.googleapis.com/v1beta/openai",
    apiKeyVariable: "GEMINI_API_KEY",
    structuredOutput: "json_schema",
  },
  anthropic: {
    baseUrl: "https://api.anthropic.com/v1",
    apiKeyVariable: "ANTHROPIC_API_KEY",
    structuredOutput: "prompt",
  },
  ollama: {
    baseUrl: "http://localhost:11434/v1",
    apiKeyVariable: null,
    structuredOutput: "json_schema",
  },
  vllm: {
    baseUrl: "http://localhost:8000/v1",
    apiKeyVariable: null,
    structuredOutput: "json_schema",
  },
};
