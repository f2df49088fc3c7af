import type {
  BudgetReservation,
  CallBudget,
  CallSpending,
} from "../../src/classification/spending.ts";
import { DEFAULT_PROFILE } from "../../src/classification/profile.ts";
import { type ChainOptions, type LanguageModelChain, openChain } from "../../src/llm/open-chain.ts";
import {
  type ModelOutcome,
  openProvider,
  type Provider,
  type ProviderOptions,
} from "../../src/llm/open-provider.ts";
import { DEFAULT_PROVIDER_SETTINGS } from "../../src/llm/provider-settings.ts";
import { type Behave, type FakeProvider, startFakeProvider } from "../support/fake-provider.ts";
import { createPicture } from "./language-model-fixture.ts";

export interface ChainFixture extends AsyncDisposable {
  fakes: FakeProvider[];
  providers: Provider[];
  chain: LanguageModelChain;
  budget: FakeBudget;
  /** Classifies a made-up picture; `withinMs` from now is the deadline. */
  classify(withinMs?: number): Promise<ModelOutcome>;
  /** Calls that each fake provider received. */
  calls(): number[];
}

/** A budget of `limit` calls that keeps every settlement. */
export class FakeBudget implements CallBudget {
  limit = Infinity;
  reserved = 0;
  readonly settled: CallSpending[] = [];

  async reserve(): Promise<BudgetReservation | null> {
    if (this.reserved >= this.limit) return null;
    this.reserved++;
    let isSettled = false;
    return {
      settle: (spent) => {
        if (isSettled) throw new Error("settled twice");
        isSettled = true;
        this.settled.push(spent);
      },
    };
  }
}

const shrink = async (jpeg: Uint8Array) => ({ ok: true as const, value: jpeg.subarray(0, 100) });

/** Two fake providers or more, and a chain that talks to them over real HTTP, with quick retries. */
export function openChainFixture(
  behaviour: readonly Behave[],
  options: Partial<ProviderOptions>[] = [],
  chainOptions: Partial<ChainOptions> = {},
): ChainFixture {
  const budget = new FakeBudget();
  const fakes = behaviour.map((behave) => startFakeProvider({ behaviour: behave }));
  const providers = fakes.map(({ baseUrl }, index) =>
    openProvider({
      ...DEFAULT_PROVIDER_SETTINGS,
      name: `fake-${index + 1}`,
      baseUrl,
      apiKey: "sk-test",
      model: `vision-${index + 1}`,
      prices: { input: 1, output: 2 },
      costPerCallMicros: 5_000,
      timeoutMs: 5_000,
      breakerMinCalls: 50,
      backoffBaseMs: 4,
      probeIntervalMs: 60_000,
      budget,
      ...options[index],
    }),
  );
  const chain = openChain({ providers, hedge: false, shrink, ...chainOptions });
  return {
    fakes,
    providers,
    chain,
    budget,
    classify: (withinMs = 10_000) =>
      chain.classify(createPicture(), DEFAULT_PROFILE, Date.now() + withinMs),
    calls: () => fakes.map(({ calls }) => calls.count),
    async [Symbol.asyncDispose]() {
      await chain.close();
      await Promise.all(fakes.map((fake) => fake.stop()));
    },
  };
}
