import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitFor } from "./wait-for.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");
const READY_WITHIN_MS = 40_000;
const KILL_AFTER_MS = 10_000;

/** Environment variables for the server; what is not given here has its default. */
export type Settings = Record<string, string>;

export interface LogLine {
  level: string;
  msg: string;
  [field: string]: unknown;
}

/** The server, run as an operator runs it: a process of its own on a free port. */
export interface ServerProcess extends AsyncDisposable {
  /** Without a slash at the end. */
  readonly url: string;
  readonly pid: number;
  /** What it logged so far. */
  readonly log: readonly LogLine[];
  readonly exited: Promise<number>;
  /** What it wrote to stderr until its end. */
  readonly complaints: Promise<string>;
  signal(name: "SIGTERM" | "SIGINT" | "SIGHUP" | "SIGKILL"): void;
  /** SIGTERM, then the exit code. */
  stop(): Promise<number>;
}

export interface FinishedRun {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** A temporary folder, removed when disposed. */
export async function createDataDir(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "onceover-system-"));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

/** Nothing of the test's own environment, and no .env file: the process runs in its data folder. */
function spawnServer(dataDir: string, settings: Settings, args: readonly string[]) {
  return Bun.spawn([process.execPath, MAIN, ...args], {
    cwd: dataDir,
    env: { PATH: Bun.env["PATH"], PORT: "0", HOST: "127.0.0.1", DATA_DIR: dataDir, ...settings },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Starts a server and waits until it listens; rejects with what it printed when it doesn't. */
export async function startServer(dataDir: string, settings: Settings): Promise<ServerProcess> {
  const child = spawnServer(dataDir, settings, []);
  const log: LogLine[] = [];
  const reading = readLines(child.stdout, (line) => log.push(JSON.parse(line) as LogLine));
  const complaints = new Response(child.stderr).text();
  const address = await waitFor(
    "the server listens",
    () => child.exitCode !== null || log.find(({ msg }) => msg === "listening"),
    READY_WITHIN_MS,
  ).catch((error: unknown) => {
    child.kill("SIGKILL");
    throw error;
  });
  if (address === true) throw new Error(`the server ended: ${await complaints}`);

  async function stop(): Promise<number> {
    if (child.exitCode === null) child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), KILL_AFTER_MS);
    const exitCode = await child.exited;
    clearTimeout(timer);
    await reading;
    return exitCode;
  }
  return {
    url: String(address["url"]).replace(/\/$/, ""),
    pid: child.pid,
    log,
    exited: child.exited.then(async (exitCode) => {
      await reading;
      return exitCode;
    }),
    complaints,
    signal: (name) => child.kill(name),
    stop,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await stop();
    },
  };
}

/** Runs the program to its end, for starts that fail and for `--help`. */
export async function runToEnd(
  dataDir: string,
  settings: Settings,
  ...args: string[]
): Promise<FinishedRun> {
  const child = spawnServer(dataDir, settings, args);
  const timer = setTimeout(() => child.kill("SIGKILL"), READY_WITHIN_MS);
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  clearTimeout(timer);
  return { exitCode, stdout, stderr };
}

async function readLines(
  stream: ReadableStream<Uint8Array>,
  onLine: (line: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  }
}
