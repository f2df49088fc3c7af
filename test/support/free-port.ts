import { createServer, type AddressInfo } from "node:net";

/** A TCP port of 127.0.0.1 on which nobody listens just now; another process may be quicker to take it. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

const PORT_ATTEMPTS = 3;

/** Launches a server on a free port, and on another one where it does not start. */
export async function launchOnFreePort<Server>(
  launch: (port: number) => Promise<Server>,
): Promise<{ port: number; server: Server }> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    try {
      return { port, server: await launch(port) };
    } catch (error) {
      if (attempt === PORT_ATTEMPTS) throw error;
    }
  }
}
