import type { Outcome } from "../../src/classification/ports/outcome.ts";
import type { PictureHash } from "../../src/classification/picture-hash.ts";
import { DEFAULT_PROFILE } from "../../src/classification/profile.ts";
import { openProvider, type Provider, type ProviderOptions } from "../../src/llm/open-provider.ts";
import { DEFAULT_PROVIDER_SETTINGS } from "../../src/llm/provider-settings.ts";
import { type Behave, type FakeProvider, startFakeProvider } from "../support/fake-provider.ts";

export const API_KEY = "sk-test-0123456789";

export interface Fixture extends AsyncDisposable {
  provider: FakeProvider;
  model: Provider;
  /** Classifies a made-up picture; `withinMs` from now is the deadline. */
  classify(withinMs?: number): Promise<Outcome<{ category: string }, string>>;
}

/** A fake provider and a language model that talks to it over real HTTP, with quick retries. */
export function openFixture(behaviour: Behave, options: Partial<ProviderOptions> = {}): Fixture {
  const provider = startFakeProvider({ behaviour });
  const model = openProvider({
    ...DEFAULT_PROVIDER_SETTINGS,
    name: "fake",
    baseUrl: provider.baseUrl,
    apiKey: API_KEY,
    model: "fake-vision",
    timeoutMs: 5_000,
    concurrency: 8,
    maxQueued: 100,
    costPerCallMicros: 1_000,
    probeIntervalMs: 60_000,
    breakerMinCalls: 50,
    backoffBaseMs: 4,
    ...options,
  });
  return {
    provider,
    model,
    classify: (withinMs = 10_000) =>
      model.classify(createPicture(), DEFAULT_PROFILE, Date.now() + withinMs),
    async [Symbol.asyncDispose]() {
      await model.close();
      await provider.stop();
    },
  };
}

/** Not a real JPEG: nothing on this path decodes it. */
export function createPicture(bytes = 20_000) {
  const jpeg = crypto.getRandomValues(new Uint8Array(bytes));
  return { jpeg, pictureHash: "0000000000000000" as PictureHash };
}

/** Waits until `condition` holds; throws after two seconds. */
export async function until(condition: () => boolean): Promise<void> {
  const giveUpAt = Date.now() + 2_000;
  while (!condition()) {
    if (Date.now() > giveUpAt) throw new Error(`still not so: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
