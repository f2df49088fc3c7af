import { requireProgram } from "../../test/support/install-services.ts";

/** The same request again and again, or one per line of a list. */
export interface Load {
  /** `<name>.lua` in bench/wrk, which says what its arguments are. */
  script: "same-body" | "check-cache" | "unique-photos";
  url: string;
  args: readonly string[];
  connections: number;
  durationS: number;
}

/** What wrk saw; latencies in milliseconds. */
export interface LoadReport {
  requests: number;
  requestsPerS: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
}

interface RawReport {
  requests: number;
  duration_us: number;
  p50_us: number;
  p95_us: number;
  p99_us: number;
  bad_answers: number;
  broken: number;
}

/** Beyond its duration wrk may wait this long for last answers. */
const GRACE_MS = 15_000;

/** Puts load on a server with wrk, one thread. Rejects when any answer was not 200, or never came. */
export async function runLoad({ script, url, args, connections, durationS }: Load) {
  const wrk = requireProgram("wrk");
  const options = ["-t1", `-c${connections}`, `-d${durationS}s`, "--timeout", "10s"];
  const file = `${import.meta.dir}/../wrk/${script}.lua`;
  const child = Bun.spawn([wrk, ...options, "-s", file, url, "--", ...args], {
    cwd: `${import.meta.dir}/../wrk`,
    stdout: "pipe",
    stderr: "pipe",
    timeout: durationS * 1000 + GRACE_MS,
  });
  const [output, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return parseReport(output, errors);
}

export function parseReport(output: string, errors = ""): LoadReport {
  const line = /^REPORT (.*)$/m.exec(output)?.[1];
  if (!line) throw new Error(`wrk made no report:\n${output}${errors}`);
  const raw = JSON.parse(line) as RawReport;
  if (raw.requests === 0 || raw.bad_answers > 0 || raw.broken > 0) {
    const { requests, bad_answers: bad, broken } = raw;
    throw new Error(
      `of ${requests} requests, ${bad} were not answered with 200, ${broken} not at all`,
    );
  }
  return {
    requests: raw.requests,
    requestsPerS: raw.requests / (raw.duration_us / 1e6),
    p50Ms: raw.p50_us / 1000,
    p95Ms: raw.p95_us / 1000,
    p99Ms: raw.p99_us / 1000,
  };
}
