import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import { MICROS } from "../classification/spending.ts";
import { LatencyHistogram } from "./latency-histogram.ts";
import type { Telemetry } from "../classification/ports/telemetry.ts";

/** Values that are read when metrics are asked for. */
export type GaugeReaders = Record<string, { help: string; read: () => number }>;

export interface Metrics extends Telemetry {
  requestHandled(operation: string, status: number, durationMs: number): void;
  shed(kind: string, count: number): void;
  lost(count: number): void;
  /** Adds gauges that call `read` at every scrape. */
  watch(readers: GaugeReaders): void;
  /** Prometheus' text exposition format 0.0.4. */
  expose: () => Promise<string>;
}

const LATENCY_BUCKETS_S = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 25];

const PROVIDER_LABELS = ["provider", "model"] as const;

/** `worker`: which of several processes on one port this is, as a label of everything. */
export function createMetrics(worker?: number): Metrics {
  const registry = new Registry();
  if (worker !== undefined) registry.setDefaultLabels({ worker: String(worker) });
  collectDefaultMetrics({ register: registry, prefix: "onceover_" });
  const registers = [registry];

  const requests = new LatencyHistogram({
    name: "onceover_request_duration_seconds",
    help: "Time from a request's headers to its response.",
    bucketsS: LATENCY_BUCKETS_S,
    ...(worker !== undefined && { worker }),
  });
  // Counted in plain numbers: the library's own counting is felt on the path of a cache hit.
  const lookups = { memory: 0, redis: 0, sql: 0, miss: 0, unavailable: 0 };
  const lookupCounter = new Counter({
    name: "onceover_lookups_total",
    help: "Hashes looked up, by the tier that answered.",
    labelNames: ["outcome"],
    registers: [],
    collect() {
      this.reset();
      for (const [outcome, count] of Object.entries(lookups)) this.inc({ outcome }, count);
    },
  });
  registry.registerMetric(lookupCounter);
  const classifications = new Histogram({
    name: "onceover_classification_duration_seconds",
    help: "Time that models took to classify one photo.",
    labelNames: ["method"],
    buckets: LATENCY_BUCKETS_S,
    registers,
  });
  const failures = new Counter({
    name: "onceover_classification_failures_total",
    help: "Photos that no model could classify, by reason.",
    labelNames: ["reason"],
    registers,
  });
  const claims = new Counter({
    name: "onceover_alias_claims_total",
    help: "Claimed hashes, by how they fitted what was known.",
    labelNames: ["verdict"],
    registers,
  });
  const upgrades = new Counter({
    name: "onceover_upgrades_total",
    help: "Provisional results replaced by a language model's.",
    registers,
  });
  const turns = new Counter({
    name: "onceover_turns_total",
    help: "Unknown photos that may cost a language model's call, by whether this process may call a model (own), has waited for another process' answer (found), or calls without leave (alone).",
    labelNames: ["kind"],
    registers,
  });
  const calls = new Counter({
    name: "onceover_language_model_answers_total",
    help: "Answers of language models that were valid, by provider and model.",
    labelNames: PROVIDER_LABELS,
    registers,
  });
  const tokens = new Counter({
    name: "onceover_language_model_tokens_total",
    help: "Tokens that those answers took, as the providers counted them.",
    labelNames: [...PROVIDER_LABELS, "direction"],
    registers,
  });
  const cost = new Counter({
    name: "onceover_language_model_cost_total",
    help: "What those answers cost, in the unit of the prices.",
    labelNames: PROVIDER_LABELS,
    registers,
  });
  // Counted in plain numbers, too: under full load most request lines are shed.
  const shed: Record<string, number> = {};
  const shedCounter = new Counter({
    name: "onceover_shed_total",
    help: "Request lines and hits that were not recorded for lack of room.",
    labelNames: ["kind"],
    registers: [],
    collect() {
      this.reset();
      for (const [kind, count] of Object.entries(shed)) this.inc({ kind }, count);
    },
  });
  registry.registerMetric(shedCounter);
  const lost = new Counter({
    name: "onceover_lost_results_total",
    help: "Results that neither the database nor the journal took.",
    registers,
  });

  return {
    requestHandled: (operation, status, durationMs) =>
      requests.observe(operation, status, durationMs / 1000),
    lookedUp(outcome) {
      lookups[outcome]++;
    },
    classified: (method, durationMs) => classifications.observe({ method }, durationMs / 1000),
    classificationFailed: (reason) => failures.inc({ reason }),
    claimed: (verdict) => claims.inc({ verdict }),
    upgraded: () => upgrades.inc(),
    tookTurn: (kind) => turns.inc({ kind }),
    paid({ provider, model, inputTokens, outputTokens, costMicros }) {
      const labels = { provider: provider ?? "", model };
      calls.inc(labels);
      tokens.inc({ ...labels, direction: "input" }, inputTokens ?? 0);
      tokens.inc({ ...labels, direction: "output" }, outputTokens ?? 0);
      cost.inc(labels, costMicros / MICROS);
    },
    shed(kind, count) {
      shed[kind] = (shed[kind] ?? 0) + count;
    },
    lost: (count) => lost.inc(count),
    watch(readers) {
      for (const [name, { help, read }] of Object.entries(readers)) {
        const gauge = new Gauge({
          name: `onceover_${name}`,
          help,
          registers: [],
          collect() {
            this.set(read());
          },
        });
        registry.registerMetric(gauge);
      }
    },
    expose: async () => `${requests.render()}\n${await registry.metrics()}`,
  };
}
