import { describe, expect, test } from "bun:test";
import { openHarness, sha256 } from "../support/harness.ts";

const PATH = "/api/v1/classify/check-cache";
const ALBUM = "https://album.example";

/** What a browser sends with a page's request; `fetch` refuses to set some of it elsewhere. */
function ask(origin: string, body: unknown = { image_hash: sha256("a") }): RequestInit {
  const headers = { Origin: origin, "Content-Type": "application/json" };
  return { method: "POST", headers, body: JSON.stringify(body) };
}

function preflight(origin: string): RequestInit {
  const headers = {
    Origin: origin,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type,x-user-id",
  };
  return { method: "OPTIONS", headers };
}

const allowed = (response: Response) => response.headers.get("access-control-allow-origin");

describe("without CORS_ORIGINS", () => {
  test("no page of another origin may read an answer or pass a preflight", async () => {
    await using harness = await openHarness();
    expect(allowed(await harness.request(PATH, ask(ALBUM)))).toBeNull();
    const response = await harness.request(PATH, preflight(ALBUM));
    expect([response.status, allowed(response)]).toEqual([405, null]);
  });
});

describe("with CORS_ORIGINS", () => {
  test("pages of these origins may, those of others may not", async () => {
    const env = { CORS_ORIGINS: `${ALBUM}, http://localhost:5173` };
    await using harness = await openHarness({ env });
    for (const origin of [ALBUM, "http://localhost:5173"]) {
      expect(allowed(await harness.request(PATH, ask(origin)))).toBe(origin);
    }
    for (const origin of ["https://evil.example", `${ALBUM}.evil.example`, "null"]) {
      expect(allowed(await harness.request(PATH, ask(origin)))).toBeNull();
    }
  });

  test("a preflight names methods and headers that apps use, and no credentials", async () => {
    await using harness = await openHarness({ env: { CORS_ORIGINS: ALBUM } });
    const { status, headers } = await harness.request(PATH, preflight(ALBUM));
    expect(status).toBe(204);
    expect(headers.get("access-control-allow-methods")).toBe("GET,POST");
    const names = headers.get("access-control-allow-headers")?.toLowerCase().split(",");
    expect(names).toEqual(expect.arrayContaining(["content-type", "x-user-id", "x-image-hash"]));
    expect(headers.get("access-control-allow-credentials")).toBeNull();
    expect(headers.get("access-control-max-age")).toBe("86400");
    expect(headers.get("vary")).toContain("Origin");
  });

  test("pages may read errors and our headers too", async () => {
    await using harness = await openHarness({ env: { CORS_ORIGINS: "*" } });
    const invalid = await harness.request(PATH, ask(ALBUM, {}));
    expect([invalid.status, allowed(invalid)]).toEqual([422, "*"]);
    const missing = await harness.request("/nowhere", ask(ALBUM));
    expect([missing.status, allowed(missing)]).toEqual([404, "*"]);
    const exposed = missing.headers.get("access-control-expose-headers")?.split(",");
    for (const name of ["X-Request-ID", "Cache-Status", "Server-Timing", "Retry-After"]) {
      expect(exposed).toContain(name);
    }
  });
});
