import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launchOnFreePort } from "./free-port.ts";
import { requireProgram } from "./install-services.ts";

const READY_WITHIN_MS = 10_000;

/** A real redis-server of one's own, on a free port of 127.0.0.1 with its data in a temporary folder. */
export interface TestRedis extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** SIGSTOP: connections stay open and are accepted, and nothing answers. */
  freeze(): void;
  /** SIGCONT. */
  thaw(): void;
  /** Kills it without warning; what was in it is gone. */
  kill(): Promise<void>;
  /** Starts a killed one again on the same port, empty. */
  restart(): Promise<void>;
  /** A command over a connection of its own, past what is tested. */
  send(command: string, ...args: string[]): Promise<unknown>;
  /** Ends it and deletes its folder; does nothing the second time. */
  stop(): Promise<void>;
}

export interface TestRedisOptions {
  password?: string;
  /** Speaks TLS alone; files in PEM. */
  tls?: { certificate: string; key: string };
}

export async function startRedis(options: TestRedisOptions = {}): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), "onceover-redis-"));
  let { server, port } = await launchOnFreePort((port) => launch(folder, port, options));
  const credentials = options.password === undefined ? "" : `:${options.password}@`;

  async function kill() {
    server.kill("SIGKILL");
    await server.exited;
  }
  async function stop() {
    await kill();
    await rm(folder, { recursive: true, force: true });
  }
  const url = `${options.tls ? "rediss" : "redis"}://${credentials}127.0.0.1:${port}`;
  return {
    url,
    port,
    async send(command, ...args) {
      const client = new Bun.RedisClient(url);
      try {
        return await client.send(command, args);
      } finally {
        client.close();
      }
    },
    freeze: () => server.kill("SIGSTOP"),
    thaw: () => server.kill("SIGCONT"),
    kill,
    async restart() {
      server = await launch(folder, port, options);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function launch(
  folder: string,
  port: number,
  { password, tls }: TestRedisOptions,
): Promise<Bun.Subprocess> {
  const program = requireProgram("redis-server");
  const server = Bun.spawn(
    [
      program,
      ...(tls ? tlsArguments(port, tls) : ["--port", String(port)]),
      "--bind",
      "127.0.0.1",
      "--dir",
      folder,
      "--save",
      "",
      ...(password === undefined ? [] : ["--requirepass", password]),
    ],
    { stdout: "pipe", stderr: "ignore" },
  );
  const timer = setTimeout(() => server.kill("SIGKILL"), READY_WITHIN_MS);
  try {
    await untilReady(server.stdout);
  } finally {
    clearTimeout(timer);
  }
  return server;
}

function tlsArguments(port: number, { certificate, key }: NonNullable<TestRedisOptions["tls"]>) {
  const listening = ["--port", "0", "--tls-port", String(port), "--tls-auth-clients", "no"];
  const files = ["--tls-cert-file", certificate, "--tls-key-file", key];
  return [...listening, ...files, "--tls-ca-cert-file", certificate];
}

/** Its own log says so: behind the port might be another server. */
async function untilReady(stdout: ReadableStream<Uint8Array>): Promise<void> {
  const decoder = new TextDecoder();
  const reader = stdout.getReader();
  let log = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`redis-server did not start: ${log}`);
    log += decoder.decode(value, { stream: true });
    if (log.includes("Ready to accept connections")) break;
  }
  void drain(reader);
}

/** A server whose log nobody reads would stop at a full pipe. */
async function drain(reader: { read(): Promise<{ done: boolean }> }): Promise<void> {
  while (!(await reader.read()).done);
}
