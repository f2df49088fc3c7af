import { freePort } from "./free-port.ts";
import { startHaproxy, type LoadBalancer } from "./haproxy.ts";
import { createDataDir, startServer, type ServerProcess, type Settings } from "./server-process.ts";
import { waitFor } from "./wait-for.ts";

/** Servers behind a load balancer, each with a data folder of its own, as on machines of their own. */
export interface Fleet extends AsyncDisposable {
  readonly balancer: LoadBalancer;
  /** By place; null where none runs. */
  readonly servers: readonly (ServerProcess | null)[];
  /** Starts a server in an empty place; resolves when the balancer sends requests there. */
  start(place: number): Promise<ServerProcess>;
  /** SIGTERM; resolves to the exit code. The folder stays for the next start in that place. */
  stop(place: number): Promise<number>;
}

const UP_WITHIN_MS = 20_000;

/** Starts a load balancer before `places`, and servers in the first `running` of them. */
export async function startFleet(
  settings: Settings,
  { places = 4, running = places }: { places?: number; running?: number } = {},
): Promise<Fleet> {
  await using opened = new AsyncDisposableStack();
  const ports: number[] = [];
  const folders: string[] = [];
  for (let place = 0; place < places; place++) {
    ports.push(await freePort());
    folders.push(opened.use(await createDataDir()).path);
  }
  const balancer = opened.use(await startHaproxy(ports));
  const servers = ports.map((): ServerProcess | null => null);
  opened.defer(async () => {
    await Promise.all(servers.map((server) => server?.[Symbol.asyncDispose]()));
  });

  async function launch(place: number): Promise<ServerProcess> {
    const own = { ...settings, PORT: String(ports[place]) };
    return (servers[place] = await startServer(folders[place]!, own));
  }
  async function untilUp(): Promise<void> {
    const wanted = servers.filter((server) => server !== null).length;
    const isUp = async () => (await balancer.countUp()) === wanted;
    await waitFor(`${wanted} servers are up`, isUp, UP_WITHIN_MS);
  }

  await Promise.all(ports.slice(0, running).map((_, place) => launch(place)));
  await untilUp();
  const owned = opened.move();
  return {
    balancer,
    servers,
    async start(place) {
      const server = await launch(place);
      await untilUp();
      return server;
    },
    async stop(place) {
      const server = servers[place];
      if (!server) throw new Error(`nothing runs in place ${place}`);
      const exitCode = await server.stop();
      servers[place] = null;
      return exitCode;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
