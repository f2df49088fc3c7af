/** `bun run providers check`: shows a drawn picture to every configured language model. */
import type { PreparedPicture } from "../classification/ports/picture-reader.ts";
import { toMicros } from "../classification/spending.ts";
import { loadProfile } from "../profiles/load-profile.ts";
import { parseConfig } from "../config.ts";
import { drawSample } from "../imaging/draw-sample.ts";
import { createPictureReader } from "../imaging/picture-reader.ts";
import { checkProviders, renderChecks } from "./check-providers.ts";

const USAGE = `Usage: bun run providers check

Shows one drawn picture to each configured language model and prints its latency, tokens, cost and
answer, or what is wrong. Each call is billed as usual; the daily budget is not asked. Exits with 1
if any of them fails.
`;

async function check(): Promise<number> {
  const config = parseConfig(Bun.env);
  if (config.providers.length === 0) {
    process.stderr.write(
      "No language model is configured: set LLM_PRESET, LLM_BASE_URL, LLM_API_KEY or LLM_PROVIDERS_FILE (docs/llm.md).\n",
    );
    return 1;
  }
  const profile = await loadProfile(config.PROFILE_FILE);
  const costPerCallMicros = toMicros(config.COST_PER_API_CALL);
  const checks = await checkProviders(config.providers, {
    pictureFor: await openSample(config.providers.length),
    profile,
    costPerCallMicros,
  });
  process.stdout.write(renderChecks(checks));
  return checks.every(({ outcome }) => outcome.ok) ? 0 : 1;
}

/** A drawn picture, made ready by the same reader as an upload, for so many that ask at once. */
async function openSample(askers: number) {
  const bytes = await drawSample();
  const reader = createPictureReader({ maxPixels: 1e6, concurrency: 1, maxQueued: askers });
  const glance = await reader.glance(bytes);
  return async function pictureFor(maxSide: number): Promise<PreparedPicture> {
    const jpeg = await reader.encode(bytes, maxSide);
    if (!jpeg.ok || !glance.ok) throw new Error("the drawn picture cannot be read");
    return { jpeg: jpeg.value, pictureHash: glance.value.pictureHash };
  };
}

const [command] = Bun.argv.slice(2);
if (command !== "check") {
  process.stderr.write(USAGE);
  process.exit(2);
}
try {
  process.exit(await check());
} catch (error) {
  const isExpected = error instanceof Error && ["ConfigError", "ProfileError"].includes(error.name);
  if (!isExpected) throw error;
  process.stderr.write(`The configuration is wrong:\n${error.message}\n`);
  process.exit(1);
}
