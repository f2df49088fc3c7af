import type { Fetch } from "./bounded-fetch.ts";

/** What a probe showed: the service answers, answers but not to this key, or does not answer. */
export type ProbeResult = "up" | "unauthorized" | "down";

/** Asks the service whether it is back; never rejects. */
export type Probe = (signal: AbortSignal) => Promise<ProbeResult>;

export interface ProbeOptions {
  fetch: Fetch;
  baseUrl: string;
  apiKey: string | null;
  timeoutMs: number;
}

/**
 * A question that costs no money: `GET {baseUrl}/models`. Any answer but 408, 429 and 5xx shows a
 * service at work; servers without the route say 404 or 405.
 */
export function createProbe({ fetch, baseUrl, apiKey, timeoutMs }: ProbeOptions): Probe {
  const url = new URL(baseUrl);
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/models`;
  const headers: Record<string, string> = { accept: "application/json" };
  if (apiKey !== null) headers["authorization"] = `Bearer ${apiKey}`;

  return async function probe(signal) {
    try {
      const response = await fetch(url, {
        headers,
        redirect: "manual",
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      await response.body?.cancel();
      return classify(response.status);
    } catch {
      return "down";
    }
  };
}

function classify(status: number): ProbeResult {
  if (status === 401 || status === 403) return "unauthorized";
  return status === 408 || status === 429 || status >= 500 ? "down" : "up";
}
