import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { checkCache, createAlbum, sha256, upload } from "../support/album.ts";
import { behaviours, startFakeProvider, type FakeProvider } from "../support/fake-provider.ts";
import { ConnectionLostError, openConnection } from "../support/http-connection.ts";
import {
  createDataDir,
  startServer,
  type ServerProcess,
  type Settings,
} from "../support/server-process.ts";
import { readSqliteRows } from "../support/stored-rows.ts";
import { waitFor } from "../support/wait-for.ts";

const UPLOADS = 12;
const CLIENTS = 16;
const newPhoto = await createAlbum();

let provider: FakeProvider;
let dir: Awaited<ReturnType<typeof createDataDir>>;

beforeEach(async () => {
  provider = startFakeProvider({ keepRequests: 0 });
  dir = await createDataDir();
});
afterEach(async () => {
  await provider.stop();
  await dir[Symbol.asyncDispose]();
});

function start(settings: Settings = {}): Promise<ServerProcess> {
  return startServer(dir.path, {
    LLM_BASE_URL: provider.baseUrl,
    LOCAL_MODEL: "none",
    ...settings,
  });
}

/** A server whose next upload will wait for its provider. */
async function startHanging(settings: Settings = {}): Promise<ServerProcess> {
  const server = await start(settings);
  await upload(server.url, newPhoto());
  provider.behave(behaviours.hang());
  return server;
}

/** Asks again and again on one connection, until told that it will be closed. */
async function askUntilDismissed(url: string, hash: string): Promise<{ answered: number }> {
  using connection = openConnection(url);
  const ask = {
    method: "POST",
    path: "/api/v1/classify/check-cache",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ image_hash: hash }),
  };
  for (let answered = 1; ; answered++) {
    const { status, headers, body } = await connection.request(ask);
    expect({ status, cached: JSON.parse(body).cached }).toEqual({ status: 200, cached: true });
    if (headers["connection"] === "close") {
      await connection.closed;
      return { answered };
    }
  }
}

/** Statuses of /readyz on connections of their own, until nobody listens any more. */
async function watchReadiness(url: string): Promise<Set<number>> {
  const seen = new Set<number>();
  for (;;) {
    try {
      using connection = openConnection(url);
      seen.add((await connection.request({ path: "/readyz" })).status);
    } catch (error) {
      if (error instanceof ConnectionLostError) return seen;
      throw error;
    }
  }
}

describe("a stop under load", () => {
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    test(`${signal}: answers everything that was accepted, loses no result, exits 0`, async () => {
      await using server = await start();
      const hot = newPhoto();
      await upload(server.url, hot);
      provider.behave(behaviours.slow(1_200));
      const photos = Array.from({ length: UPLOADS }, newPhoto);

      const uploads = Promise.all(photos.map((photo) => upload(server.url, photo)));
      const askers = Promise.all(
        Array.from({ length: CLIENTS }, () => askUntilDismissed(server.url, sha256(hot))),
      );
      const readiness = watchReadiness(server.url);
      await waitFor("all uploads are with the provider", () => provider.calls.inFlight === UPLOADS);
      server.signal(signal);

      for (const { status, answer } of await uploads) {
        expect({ status, answer }).toMatchObject({
          status: 200,
          answer: { data: { category: "foods" } },
        });
      }
      for (const { answered } of await askers) expect(answered).toBeGreaterThan(0);
      expect(await readiness).toEqual(new Set([200, 503]));
      expect(await server.exited).toBe(0);
      const { digests, requests } = await readSqliteRows(dir.path);
      for (const photo of [hot, ...photos]) expect(digests).toContain(sha256(photo));
      expect(requests).toBeGreaterThan(UPLOADS + CLIENTS);
    });
  }

  test("an upload whose body is still coming is answered", async () => {
    await using server = await start();
    using connection = openConnection(server.url);
    const photo = newPhoto();
    connection.write(
      `POST /api/v1/classify HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\n` +
        `Content-Length: ${photo.length}\r\n\r\n`,
    );
    connection.write(photo.subarray(0, 100));
    await waitFor("the server waits for the body", async () => {
      const metrics = await (await fetch(`${server.url}/metrics`)).text();
      return metrics.includes(`upload_bytes ${photo.length}`);
    });
    server.signal("SIGTERM");
    await waitFor("it stops", () => server.log.some(({ msg }) => msg === "stopping"));
    connection.write(photo.subarray(100));
    const { status, headers } = await connection.response();
    expect({ status, connection: headers["connection"] }).toEqual({
      status: 200,
      connection: "close",
    });
    expect(await server.exited).toBe(0);
    expect((await readSqliteRows(dir.path)).digests).toContain(sha256(photo));
  });

  test("idle connections do not hold it up", async () => {
    await using server = await start();
    using connection = openConnection(server.url);
    await connection.request({ path: "/livez" });
    expect(await server.stop()).toBe(0);
    await connection.closed;
  });
});

describe("when the provider hangs", () => {
  test("a second signal exits 1 at once", async () => {
    await using server = await startHanging();
    const answer = upload(server.url, newPhoto()).catch(() => "lost");
    await waitFor("the call hangs", () => provider.calls.inFlight === 1);
    server.signal("SIGTERM");
    await waitFor("it stops", () => server.log.some(({ msg }) => msg === "stopping"));
    // The same signal once more right away counts as one: a terminal's Ctrl-C arrives twice.
    await waitFor("it is gone", () => {
      server.signal("SIGTERM");
      return server.log.some(({ msg }) => msg === "stopping at once");
    });
    expect(await server.exited).toBe(1);
    expect(await answer).toBe("lost");
  });

  test("the deadline ends the wait: exits 1, what was noted is in the database", async () => {
    await using server = await startHanging({ SHUTDOWN_DEADLINE_MS: "2000" });
    const answer = upload(server.url, newPhoto()).catch(() => "lost");
    await waitFor("the call hangs", () => provider.calls.inFlight === 1);
    const unknown = await checkCache(server.url, "0".repeat(64));
    expect(unknown.answer.cached).toBe(false);
    const stoppedAt = performance.now();
    server.signal("SIGTERM");
    expect(await server.exited).toBe(1);
    expect(performance.now() - stoppedAt).toBeLessThan(8_000);
    expect(await answer).toBe("lost");
    expect(server.log.at(-1)).toMatchObject({ msg: "stopped", failed: ["server"] });
    expect((await readSqliteRows(dir.path)).requests).toBe(2);
  });
});
