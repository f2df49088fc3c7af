import { rm, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requireProgram } from "./install-services.ts";
import { freePort } from "./free-port.ts";
import { waitFor } from "./wait-for.ts";

/** A real load balancer in front of servers that come and go. */
export interface LoadBalancer extends AsyncDisposable {
  /** Without a slash at the end. */
  readonly url: string;
  /** How many servers it sends requests to just now. */
  countUp(): Promise<number>;
}

const CHECK_MS = 100;
const READY_WITHIN_MS = 10_000;

/**
 * Starts HAProxy before servers on `ports`, whether they are there yet or not. A server gets requests
 * while its /readyz says so. Nothing is sent twice: a request that a server drops is seen as failed.
 */
export async function startHaproxy(ports: readonly number[]): Promise<LoadBalancer> {
  const folder = await mkdtemp(join(tmpdir(), "onceover-haproxy-"));
  const [port, statsPort] = [await freePort(), await freePort()];
  const file = join(folder, "haproxy.cfg");
  await Bun.write(file, configuration(port, statsPort, ports));
  const program = requireProgram("haproxy");
  const child = Bun.spawn([program, "-db", "-f", file], { stdout: "ignore", stderr: "pipe" });
  const complaints = new Response(child.stderr).text();

  async function countUp(): Promise<number> {
    const page = await fetch(`http://127.0.0.1:${statsPort}/;csv`);
    const [header = "", ...lines] = (await page.text()).split("\n");
    const status = header.split(",").indexOf("status");
    return lines.filter((line) => line.startsWith("app,s") && line.split(",")[status] === "UP")
      .length;
  }
  const isReady = () => child.exitCode !== null || countUp().then(() => true);
  await waitFor("HAProxy listens", isReady, READY_WITHIN_MS);
  if (child.exitCode !== null) throw new Error(`HAProxy did not start: ${await complaints}`);
  return {
    url: `http://127.0.0.1:${port}`,
    countUp,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function configuration(port: number, statsPort: number, ports: readonly number[]): string {
  const servers = ports.map((each, index) => `  server s${index} 127.0.0.1:${each} check`);
  return `
global
  maxconn 4000
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout queue 30s
  # A busy machine may take its time to say that it is well.
  timeout check 5s
  # A connection that was refused carried no request yet: another server may have it.
  retries 3
  option redispatch 1
  retry-on conn-failure
listen stats
  bind 127.0.0.1:${statsPort}
  stats enable
  stats uri /
frontend web
  bind 127.0.0.1:${port}
  default_backend app
backend app
  balance roundrobin
  option httpchk GET /readyz
  default-server inter ${CHECK_MS}ms fall 1 rise 1
${servers.join("\n")}
`;
}
