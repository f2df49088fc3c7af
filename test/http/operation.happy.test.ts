import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { expectProblem, type Harness, openHarness, sha256 } from "../support/harness.ts";
import { drawPhoto } from "../support/pictures.ts";

let harness: Harness;

beforeAll(async () => {
  harness = await openHarness();
});
afterAll(() => harness[Symbol.asyncDispose]());

describe("the probes", () => {
  test("say that the process answers and wants requests", async () => {
    for (const path of ["/livez", "/readyz"]) {
      expect((await harness.call(path)).body).toEqual({ status: "ok" });
    }
  });

  test("send requests elsewhere while the server stops, and tell clients to leave", async () => {
    harness.state.isReady = false;
    const readiness = await harness.call("/readyz");
    expectProblem(readiness, 503, "shutting_down");
    expect(readiness.headers.get("connection")).toBe("close");
    expect((await harness.call("/livez")).status).toBe(200);
    harness.state.isReady = true;
    expect((await harness.call("/readyz")).status).toBe(200);
  });
});

test("metrics count what happened, in the Prometheus text format", async () => {
  const photo = await drawPhoto({ width: 64, height: 48 });
  await harness.upload(photo);
  await harness.upload(photo);
  await harness.checkCache(sha256("unknown"));
  const response = await harness.request("/metrics");
  expect(response.headers.get("content-type")).toStartWith("text/plain; version=0.0.4");
  const text = await response.text();
  for (const line of [
    'onceover_lookups_total{outcome="memory"} 1',
    'onceover_classification_duration_seconds_count{method="llm"} 1',
    'onceover_request_duration_seconds_count{operation="classify",status="200"} 2',
    "onceover_memory_cache_entries 1",
    "onceover_journal_entries 0",
    "onceover_upload_bytes 0",
    "onceover_database_available 1",
  ]) {
    expect(text.split("\n")).toContain(line);
  }
  for (const line of text.split("\n").filter(Boolean)) {
    expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{[^}]*\})? [-+\d.eEInfNa]+)$/);
  }
});

describe("the pages", () => {
  test("at / and /docs are ours alone: nothing is loaded from elsewhere", async () => {
    for (const path of ["/", "/docs"]) {
      const response = await harness.request(path);
      expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
      const policy = response.headers.get("content-security-policy")!;
      expect(policy).toContain("default-src 'none'");
      expect(policy).not.toMatch(/script-src[^;]*('unsafe|http|\*)/);
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      const page = await response.text();
      expect(page).not.toMatch(/(src|href)="(https?:)?\/\//);
      expect(page).not.toMatch(/<script>|onclick=/);
    }
  });

  test("have everything that they link to", async () => {
    for (const path of ["/", "/docs"]) {
      const page = await (await harness.request(path)).text();
      const links = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link!);
      expect(links.length).toBeGreaterThan(2);
      for (const link of links) {
        const { pathname } = new URL(link, `${harness.url}${path}`);
        const response = await harness.request(pathname);
        expect([pathname, response.status]).toEqual([pathname, 200]);
        expect((await response.bytes()).byteLength).toBeGreaterThan(0);
      }
    }
  });
});
