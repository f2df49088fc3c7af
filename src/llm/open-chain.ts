import type {
  LanguageModel,
  LanguageModelFailure,
} from "../classification/ports/language-model.ts";
import type { PreparedPicture } from "../classification/ports/picture-reader.ts";
import type { Profile } from "../classification/profile.ts";
import { askHedged } from "./hedge.ts";
import type { ModelOutcome, Provider } from "./open-provider.ts";
import { DEFAULT_PROVIDER_SETTINGS } from "./provider-settings.ts";
import { createPictureSizes, type Shrink } from "./picture-sizes.ts";

export interface ChainOptions {
  /** At least one, in the order in which they are asked. */
  providers: readonly Provider[];
  /** Whether the next provider is asked as well when one is slower than usual. */
  hedge: boolean;
  shrink: Shrink;
  /** Milliseconds since the epoch. */
  clock?: () => number;
}

/** How one provider of language models is doing. */
export interface ProviderStatus {
  name: string;
  model: string;
  circuit: "closed" | "open" | "half_open";
  /** The failure that opened the circuit; null while it is closed. */
  reason: string | null;
  /** Of the circuit's state, milliseconds since the epoch. */
  since: number;
}

/** Several providers behind the port of one language model. */
export interface LanguageModelChain extends LanguageModel {
  providers(): ProviderStatus[];
  close(): Promise<void>;
}

type Answer = Extract<ModelOutcome, { ok: true }>;
type Failure = { ok: false; provider: string; reason: LanguageModelFailure; detail: string };

/** The side that a picture is prepared with, in pixels, so that it serves all of these providers. */
export function largestSide(providers: readonly { maxSide: number }[]): number {
  if (providers.length === 0) return DEFAULT_PROVIDER_SETTINGS.maxSide;
  return Math.max(...providers.map(({ maxSide }) => maxSide));
}

/**
 * Opens a chain that asks its providers in order until one answers. Each gets an equal share of the
 * time that is left, so that one that hangs leaves the later ones theirs; what it does not use is
 * shared out again. A used-up budget ends the chain: it would turn the others away as well.
 */
export function openChain(options: ChainOptions): LanguageModelChain {
  const { providers, clock = Date.now } = options;
  const preparedSide = largestSide(providers);

  async function classify(picture: PreparedPicture, profile: Profile, deadlineAt: number) {
    const waiting = providers.filter((provider) => provider.isAvailable());
    if (waiting.length === 0) return noneIsAvailable(providers);
    const sizeFor = createPictureSizes(picture, preparedSide, options.shrink);

    async function ask(provider: Provider, cancel?: AbortSignal): Promise<Answer | Failure> {
      const shareMs = (deadlineAt - clock()) / (waiting.length + 1);
      const shareEndsAt = clock() + shareMs;
      const sized = await sizeFor(provider.maxSide, shareMs);
      const outcome = await provider.classify(sized, profile, shareEndsAt, cancel);
      return outcome.ok ? outcome : { ...outcome, provider: provider.name };
    }

    /** Asks the next provider, and where hedging applies the one after it. */
    async function takeTurn(): Promise<(Answer | Failure)[]> {
      const first = waiting.shift()!;
      const hedgeAfterMs = options.hedge && waiting.length > 0 ? first.p95() : null;
      if (hedgeAfterMs === null) return [await ask(first)];
      return askHedged(
        (cancel) => ask(first, cancel),
        (cancel) => ask(waiting.shift()!, cancel),
        hedgeAfterMs,
      );
    }

    const failures: Failure[] = [];
    while (waiting.length > 0 && !failures.some(({ reason }) => reason === "over_budget")) {
      for (const turn of await takeTurn()) {
        if (turn.ok) return turn;
        failures.push(turn);
      }
    }
    return explain(failures);
  }

  return {
    classify,
    isAvailable: () => providers.some((provider) => provider.isAvailable()),
    // Of the one that is asked first: a call waits for it even where others have room.
    spareCapacity: () => providers.find((one) => one.isAvailable())?.spareCapacity() ?? 0,
    providers: () => providers.map(toStatus),
    async close() {
      await Promise.all(providers.map((provider) => provider.close()));
    },
  };
}

function toStatus(provider: Provider): ProviderStatus {
  const { circuit, reason, since } = provider.state();
  return { name: provider.name, model: provider.model, circuit, reason, since };
}

function noneIsAvailable(providers: readonly Provider[]): ModelOutcome {
  const failures = providers.map((provider): Failure => {
    const detail = provider.state().detail ?? "closed";
    return { ok: false, provider: provider.name, reason: "circuit_open", detail };
  });
  return explain(failures);
}

/** The last failure's reason, and every provider's in words. */
function explain(failures: readonly Failure[]): ModelOutcome {
  const { reason } = failures.at(-1)!;
  const detail = failures.map(({ provider, detail }) => `${provider}: ${detail}`).join("; ");
  return { ok: false, reason, detail };
}
