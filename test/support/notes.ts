import type { Recorder, RequestRecord } from "../../src/classification/ports/recorder.ts";
import type { Telemetry } from "../../src/classification/ports/telemetry.ts";

/** A recorder and a telemetry that only remember how often they were told what. */
export function createNotes() {
  const counts = new Map<string, number>();
  const requests: RequestRecord[] = [];
  const hits: string[] = [];
  const count = (what: string) => void counts.set(what, (counts.get(what) ?? 0) + 1);
  const recorder: Recorder = {
    recordRequest: (describe) => void requests.push(describe()),
    recordHit: ({ digest }) => void hits.push(digest),
  };
  const telemetry: Telemetry = {
    lookedUp: (outcome) => count(`lookup ${outcome}`),
    classified: (method) => count(`classified ${method}`),
    classificationFailed: (reason) => count(`failed ${reason}`),
    claimed: (verdict) => count(`claim ${verdict}`),
    upgraded: () => count("upgraded"),
    tookTurn: (kind) => count(`turn ${kind}`),
    paid: () => count("paid"),
  };
  return {
    recorder,
    telemetry,
    requests,
    hits,
    count,
    of: (what: string) => counts.get(what) ?? 0,
  };
}
