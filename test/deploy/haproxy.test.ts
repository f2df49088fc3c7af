import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { SETTINGS } from "../../src/settings.ts";
import { checkCache, createAlbum, sha256, upload } from "../support/album.ts";
import { startFakeProvider, type FakeProvider } from "../support/fake-provider.ts";
import { freePort } from "../support/free-port.ts";
import { requireProgram } from "../support/install-services.ts";
import { createDataDir, startServer, type ServerProcess } from "../support/server-process.ts";
import { openTemporaryFolder } from "../support/temporary-folder.ts";
import { waitFor } from "../support/wait-for.ts";

const FILE = join(import.meta.dir, "../../deploy/haproxy.cfg");
const WITHIN_MS = 60_000;
const program = requireProgram("haproxy");
/** Too large for HAProxy to keep and send again. */
const newPhoto = await createAlbum(640);

let provider: FakeProvider;
beforeAll(() => {
  provider = startFakeProvider({ keepRequests: 0 });
});
afterAll(() => provider.stop());

test("the file is valid, and waits for a server longer than any answer takes", async () => {
  // Without Docker's names the servers have no address, which is no mistake.
  const check = Bun.spawnSync([program, "-c", "-f", FILE]);
  expect(check.exitCode).toBe(0);
  const text = await Bun.file(FILE).text();
  const [, seconds] = /timeout server (\d+)s/.exec(text)!;
  expect(Number(seconds) * 1_000).toBeGreaterThan(Number(SETTINGS.REQUEST_DEADLINE_MS.fallback));
});

/** HAProxy with the file as it stands, but for the addresses. */
async function startBalancer(folder: string, ports: readonly number[]) {
  const port = await freePort();
  const file = join(folder, "haproxy.cfg");
  let text = (await Bun.file(FILE).text()).replace("bind :8000", `bind 127.0.0.1:${port}`);
  for (const [index, each] of ports.entries())
    text = text.replace(`onceover-${index + 1}:8000`, `127.0.0.1:${each}`);
  await Bun.write(file, text);
  const child = Bun.spawn([program, "-db", "-f", file], { stdout: "ignore", stderr: "ignore" });
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

async function untilBusy(server: ServerProcess): Promise<void> {
  await waitFor("the server gets requests", async () => (await countAnswered(server)) > 50, 20_000);
}

/** How many requests a server has answered, by its own count. */
async function countAnswered({ url }: ServerProcess): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.matchAll(/^\w*request_duration_seconds_count\{.*\} (\d+)$/gm);
  return [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
}

test(
  "two instances are restarted one after the other under load, and no request fails",
  async () => {
    using folder = openTemporaryFolder();
    await using dir = await createDataDir();
    const ports = [await freePort(), await freePort()];
    const start = (port: number) =>
      startServer(dir.path, {
        PORT: String(port),
        LLM_BASE_URL: provider.baseUrl,
        LOCAL_MODEL: "none",
        CLIENT_IP_HEADER: "X-Forwarded-For",
      });
    const servers = await Promise.all(ports.map(start));
    await using balancer = await startBalancer(folder.path, ports);
    await waitFor("the balancer answers", async () => (await fetch(`${balancer.url}/livez`)).ok);
    expect((await fetch(`${balancer.url}/metrics`)).status).toBe(404);

    const known = newPhoto();
    await upload(balancer.url, known);
    const surprises: unknown[] = [];
    const over = new AbortController();
    async function repeat(ask: () => Promise<{ status: number }>) {
      while (!over.signal.aborted) {
        const answer = await ask().catch((error: unknown) => ({ status: 0, error }));
        if (answer.status !== 200) surprises.push(answer);
      }
    }
    const load = [
      ...Array.from({ length: 4 }, () => repeat(() => checkCache(balancer.url, sha256(known)))),
      ...Array.from({ length: 4 }, () => repeat(() => upload(balancer.url, newPhoto()))),
    ];
    try {
      for (const [index, port] of ports.entries()) {
        await untilBusy(servers[index]!);
        expect(await servers[index]!.stop()).toBe(0);
        servers[index] = await start(port);
        await untilBusy(servers[index]);
      }
    } finally {
      over.abort();
      await Promise.all(load);
      await Promise.all(servers.map((server) => server.stop()));
    }
    expect(surprises).toEqual([]);
  },
  WITHIN_MS,
);
