import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { checkCache, createAlbum, sha256, upload } from "../support/album.ts";
import { behaviours, startFakeProvider, type FakeProvider } from "../support/fake-provider.ts";
import { startClients } from "../support/restless-clients.ts";
import {
  createDataDir,
  runToEnd,
  startServer,
  type ServerProcess,
  type Settings,
} from "../support/server-process.ts";
import { readSqliteRows } from "../support/stored-rows.ts";
import { waitFor } from "../support/wait-for.ts";

const WORKERS = 3;
/** With it a replaced worker gives less notice before it ends: half of the time for its requests. */
const SHORT_NOTICE = { SHUTDOWN_DEADLINE_MS: "4000" };
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

function working(settings: Settings = {}): Settings {
  return {
    LLM_BASE_URL: provider.baseUrl,
    LOCAL_MODEL: "none",
    WORKERS: String(WORKERS),
    ...settings,
  };
}

function count({ log }: ServerProcess, message: string): number {
  return log.filter(({ msg }) => msg === message).length;
}

/** Resolves when the fleet has said `message` so many times. */
async function untilSaid(server: ServerProcess, message: string, times = 1): Promise<void> {
  await waitFor(`"${message}", ${times} times`, () => count(server, message) >= times, 50_000);
}

/** Asks for metrics until they tell of exactly these workers. */
async function untilMetricsOf({ url }: ServerProcess, workers: string[]): Promise<string> {
  let metrics = "";
  await waitFor(`metrics of workers ${workers.join(" and ")}`, async () => {
    // One that hangs goes on getting its share of the connections, which wait.
    const scrapes = Array.from({ length: 4 }, () =>
      fetch(`${url}/metrics`, { signal: AbortSignal.timeout(3_000) }),
    );
    metrics = await (await Promise.any(scrapes)).text();
    const told = new Set([...metrics.matchAll(/worker="(\d)"/g)].map(([, worker]) => worker));
    return Bun.deepEquals([...told].toSorted(), workers);
  });
  return metrics;
}

async function startFleet(settings: Settings = {}): Promise<ServerProcess> {
  const server = await startServer(dir.path, working(settings));
  await untilSaid(server, "all workers listen");
  return server;
}

/** Process ids of the workers that ever listened, in that order. */
function workerPids({ log }: ServerProcess): number[] {
  return log.filter(({ msg }) => msg === "listening").map(({ pid }) => Number(pid));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function check(hash: string) {
  return () => ({
    method: "POST",
    path: "/api/v1/classify/check-cache",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ image_hash: hash }),
  });
}

describe("start", () => {
  test("all on one port, each line of the log says whose it is; SIGTERM ends all with 0", async () => {
    await using server = await startFleet();
    const pids = workerPids(server);
    expect(new Set(pids).size).toBe(WORKERS);
    const lines = server.log.filter(({ msg }) => msg === "listening");
    expect(lines.map(({ worker }) => worker).toSorted()).toEqual([1, 2, 3]);
    expect(new Set(lines.map(({ url }) => url)).size).toBe(1);
    const metrics = await untilMetricsOf(server, ["1", "2", "3"]);
    expect(metrics.match(/^onceover_database_available\{worker="[123]"\} 1$/gm)).toHaveLength(3);
    expect(metrics.match(/^# TYPE onceover_database_available gauge$/gm)).toHaveLength(1);
    expect(await server.stop()).toBe(0);
    expect(pids.filter(isAlive)).toEqual([]);
  });

  test("auto: one per core, also where that is one", async () => {
    await using server = await startFleet({ WORKERS: "auto" });
    expect(workerPids(server)).toHaveLength(navigator.hardwareConcurrency);
    expect(await server.stop()).toBe(0);
  });

  test("what cannot work is said once, with the exit code of a single process", async () => {
    const wrong = await runToEnd(dir.path, working({ WORKERS: "many", PORT: "eighty" }));
    expect(wrong).toMatchObject({ exitCode: 2, stdout: "" });
    expect(wrong.stderr.split("\n")).toHaveLength(4);

    const noProfile = await runToEnd(dir.path, working({ PROFILE_FILE: "gone.json" }));
    expect(noProfile.exitCode).toBe(1);
    expect(noProfile.stderr.match(/onceover cannot start/g)).toHaveLength(1);
    expect(noProfile.stderr).toContain("gone.json");
  });

  test("a port that is taken, even by a fleet that would share it", async () => {
    await using server = await startFleet({ WORKERS: "2" });
    const { port } = new URL(server.url);
    const second = await runToEnd(dir.path, working({ PORT: port }));
    expect(second.exitCode).toBe(1);
    expect(second.stderr).toContain(`port ${port}`);
    expect(await server.stop()).toBe(0);
  });
});

describe("crashes", () => {
  test("a worker that dies is started again", async () => {
    await using server = await startFleet();
    const [victim] = workerPids(server);
    process.kill(victim!, "SIGKILL");
    await untilSaid(server, "listening", WORKERS + 1);
    expect(server.log).toContainEqual(
      expect.objectContaining({ msg: "a worker ended", pid: victim, exitCode: 137 }),
    );
    const photo = newPhoto();
    expect((await upload(server.url, photo)).status).toBe(200);
    expect(await server.stop()).toBe(0);
  });

  test("a worker that hangs is killed and started again", async () => {
    await using server = await startFleet();
    const [victim] = workerPids(server);
    process.kill(victim!, "SIGSTOP");
    await untilMetricsOf(server, ["2", "3"]);
    await untilSaid(server, "listening", WORKERS + 1);
    expect(server.log).toContainEqual(
      expect.objectContaining({ msg: "killing a worker that hangs", pid: victim }),
    );
    expect(await server.stop()).toBe(0);
  });

  test("when none can start any more, the supervisor ends like them", async () => {
    const profile = join(dir.path, "profile.json");
    await Bun.write(profile, PROFILE);
    await using server = await startFleet({ WORKERS: "2", PROFILE_FILE: profile });
    await Bun.write(profile, "{");
    for (const pid of workerPids(server)) process.kill(pid, "SIGKILL");
    expect(await server.exited).toBe(1);
    expect(count(server, "no worker can start")).toBe(1);
  });

  test("workers whose supervisor dies drain and go", async () => {
    await using server = await startFleet();
    const pids = workerPids(server);
    provider.behave(behaviours.slow(1_000));
    const photo = newPhoto();
    const answer = upload(server.url, photo);
    await waitFor("the call is with the provider", () => provider.calls.inFlight === 1);
    server.signal("SIGKILL");
    expect((await answer).status).toBe(200);
    await waitFor("all are gone", () => !pids.some(isAlive));
    expect((await readSqliteRows(dir.path)).digests).toContain(sha256(photo));
  });
});

const PROFILE = JSON.stringify({
  categories: [
    { key: "red", meaning: "mostly red" },
    { key: "other", meaning: "none of the above" },
  ],
});

describe("SIGHUP", () => {
  test("replaces one by one, and no request is lost", async () => {
    await using server = await startFleet({ WORKERS: "2", ...SHORT_NOTICE });
    const first = workerPids(server);
    const hot = newPhoto();
    await upload(server.url, hot);
    const ask = check(sha256(hot));
    const fleet = [
      startClients(server.url, { connections: 12, keepsAlive: false, request: ask }),
      startClients(server.url, { connections: 4, keepsAlive: true, request: ask }),
      startClients(server.url, {
        connections: 1,
        keepsAlive: false,
        request: () => ({
          method: "POST",
          path: "/api/v1/classify",
          headers: { "Content-Type": "image/jpeg" },
          body: newPhoto(),
        }),
      }),
    ];
    for (const round of [1, 2]) {
      server.signal("SIGHUP");
      await untilSaid(server, "reloaded", round);
    }
    await Promise.all(fleet.map((clients) => clients.stop()));
    expect(fleet.flatMap(({ lost }) => lost)).toEqual([]);
    for (const { answered } of fleet) expect(answered).toBeGreaterThan(0);
    expect(workerPids(server)).toHaveLength(3 * 2);
    expect(first.filter(isAlive)).toEqual([]);
    expect(await server.stop()).toBe(0);
  }, 180_000);

  test("requests of a replaced worker that are still in flight are answered", async () => {
    await using server = await startFleet({ WORKERS: "2" });
    provider.behave(behaviours.slow(6_000));
    const photos = Array.from({ length: 12 }, newPhoto);
    const answers = photos.map((photo) => upload(server.url, photo));
    await waitFor("all are with the provider", () => provider.calls.inFlight === photos.length);
    server.signal("SIGHUP");
    for (const { status } of await Promise.all(answers)) expect(status).toBe(200);
    await untilSaid(server, "reloaded");
    expect(count(server, "a replaced worker was cut off")).toBe(0);
    expect(await server.stop()).toBe(0);
  });

  test("several during a reload mean one more", async () => {
    await using server = await startFleet({ WORKERS: "2", ...SHORT_NOTICE });
    server.signal("SIGHUP");
    await untilSaid(server, "reloading");
    for (let sent = 0; sent < 5; sent++) server.signal("SIGHUP");
    await untilSaid(server, "reloaded", 2);
    expect(await server.stop()).toBe(0);
    expect(count(server, "reloading")).toBe(2);
  });

  test("a new worker that cannot start: the old ones go on, until it is mended", async () => {
    const profile = join(dir.path, "profile.json");
    await Bun.write(profile, PROFILE);
    await using server = await startFleet({ PROFILE_FILE: profile, ...SHORT_NOTICE });
    const pids = workerPids(server);
    await Bun.write(profile, "{");
    server.signal("SIGHUP");
    await waitFor("it says so", () =>
      server.log.some(({ msg }) => msg.startsWith("reload given up")),
    );
    expect(pids.filter(isAlive)).toEqual(pids);
    expect((await checkCache(server.url, "0".repeat(64))).status).toBe(200);

    await Bun.write(profile, PROFILE);
    server.signal("SIGHUP");
    await untilSaid(server, "reloaded");
    expect(pids.filter(isAlive)).toEqual([]);
    expect(await server.stop()).toBe(0);
  });
});

describe("SIGTERM", () => {
  test("answers what was accepted, by whichever worker", async () => {
    await using server = await startFleet();
    provider.behave(behaviours.slow(1_000));
    const photos = Array.from({ length: 12 }, newPhoto);
    const answers = photos.map((photo) => upload(server.url, photo));
    await waitFor("all are with the provider", () => provider.calls.inFlight === photos.length);
    server.signal("SIGTERM");
    for (const { status } of await Promise.all(answers)) expect(status).toBe(200);
    expect(await server.exited).toBe(0);
    const { digests } = await readSqliteRows(dir.path);
    for (const photo of photos) expect(digests).toContain(sha256(photo));
  });

  test("a worker that does not end in time: exits 1", async () => {
    await using server = await startFleet({ SHUTDOWN_DEADLINE_MS: "1000" });
    provider.behave(behaviours.hang());
    const answer = upload(server.url, newPhoto()).catch(() => "lost");
    await waitFor("the call hangs", () => provider.calls.inFlight === 1);
    server.signal("SIGTERM");
    expect(await server.exited).toBe(1);
    expect(await answer).toBe("lost");
  });

  test("a worker that is stuck is killed: exits 1", async () => {
    await using server = await startFleet({ SHUTDOWN_DEADLINE_MS: "500" });
    const [stuck] = workerPids(server);
    process.kill(stuck!, "SIGSTOP");
    server.signal("SIGTERM");
    expect(await server.exited).toBe(1);
    expect(server.log.at(-1)).toMatchObject({ level: "error", pids: [stuck] });
  });

  test("a second signal ends it at once", async () => {
    await using server = await startFleet();
    provider.behave(behaviours.hang());
    const answer = upload(server.url, newPhoto()).catch(() => "lost");
    await waitFor("the call hangs", () => provider.calls.inFlight === 1);
    server.signal("SIGTERM");
    await waitFor("it is told to kill", () => {
      server.signal("SIGTERM");
      return count(server, "killing workers") > 0;
    });
    expect(await server.exited).toBe(1);
    expect(await answer).toBe("lost");
  });

  test("lets a worker that was being replaced finish what it has begun", async () => {
    await using server = await startFleet({ WORKERS: "2" });
    provider.behave(behaviours.slow(5_000));
    const photos = Array.from({ length: 8 }, newPhoto);
    const answers = photos.map((photo) => upload(server.url, photo));
    await waitFor("all are with the provider", () => provider.calls.inFlight === photos.length);
    server.signal("SIGHUP");
    await untilSaid(server, "stopping");
    // Takes longer than two signals may be apart that mean one.
    provider.behave(behaviours.slow(1_000));
    expect((await upload(server.url, newPhoto())).status).toBe(200);
    server.signal("SIGTERM");
    for (const { status } of await Promise.all(answers)) expect(status).toBe(200);
    expect(await server.exited).toBe(0);
  });

  test("during a start and during a reload", async () => {
    await using starting = await startServer(dir.path, working());
    expect(await starting.stop()).toBe(0);
    await using reloading = await startFleet();
    reloading.signal("SIGHUP");
    await untilSaid(reloading, "reloading");
    expect(await reloading.stop()).toBe(0);
  });
});
