import { freePort } from "../../test/support/free-port.ts";

/** A server under measurement, as a process of its own. */
export interface RunningServer extends AsyncDisposable {
  readonly pid: number;
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** From the start of the process to the first answered request, in milliseconds. */
  readonly startMs: number;
}

export interface ServerStart {
  script: string;
  args?: readonly string[] | ((port: number) => readonly string[]);
  env?: Record<string, string>;
  /** Path that answers 200 once the server is ready. */
  readyPath?: string;
}

const ROOT = `${import.meta.dir}/../..`;
const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 15_000;

/**
 * Starts a script of the repository under Bun, on a port that is free, and waits until it answers.
 * Of the environment it sees the search path alone: the operator's settings are not measured.
 */
export async function startProcess(start: ServerStart): Promise<RunningServer> {
  const { script, args = [], env = {}, readyPath = "/" } = start;
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const startedAt = performance.now();
  const words = typeof args === "function" ? args(port) : args;
  const child = Bun.spawn([process.execPath, script, ...words], {
    cwd: ROOT,
    env: { PATH: Bun.env["PATH"] ?? "", PORT: String(port), HOST: "127.0.0.1", ...env },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const stop = () => endProcess(child);
  try {
    await waitForAnswer(child, `${url}${readyPath}`, startedAt + READY_WITHIN_MS);
  } catch (error) {
    await stop();
    const said = await new Response(child.stderr).text();
    throw new Error(`${script} did not start: ${said.trim() || "no message"}`, { cause: error });
  }
  const startMs = performance.now() - startedAt;
  return { pid: child.pid, url, startMs, [Symbol.asyncDispose]: stop };
}

/** Resolves at the first 200; the pause between tries is the error of `startMs`. */
async function waitForAnswer(child: Bun.Subprocess, url: string, deadline: number): Promise<void> {
  for (;;) {
    const response = await fetch(url, { signal: AbortSignal.timeout(1_000) }).catch(() => null);
    await response?.arrayBuffer();
    if (response?.status === 200) return;
    if (child.exitCode !== null) throw new Error(`exited with ${child.exitCode}`);
    if (performance.now() > deadline) throw new Error(`no answer from ${url}`);
    await Bun.sleep(2);
  }
}

async function endProcess(child: Bun.Subprocess): Promise<void> {
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_WITHIN_MS);
  await child.exited;
  clearTimeout(timer);
}
