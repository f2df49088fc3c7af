import { expect, test } from "bun:test";
import { freePort } from "./free-port.ts";
import { startHaproxy } from "./haproxy.ts";
import { waitFor } from "./wait-for.ts";

function listen(port: number, isReady: () => boolean) {
  return Bun.serve({
    hostname: "127.0.0.1",
    port,
    // A check is HTTP/1.0 without Host, so that its URL is a bare path.
    fetch: ({ url }) =>
      url.endsWith("/readyz")
        ? new Response(null, { status: isReady() ? 200 : 503 })
        : new Response(String(port)),
  });
}

test("sends requests to the servers that are ready, and to no other", async () => {
  const ports = [await freePort(), await freePort()] as const;
  let isSecondReady = true;
  await using balancer = await startHaproxy(ports);
  const first = listen(ports[0], () => true);
  const second = listen(ports[1], () => isSecondReady);
  try {
    await waitFor("both are up", async () => (await balancer.countUp()) === 2);
    const ask = async () => Number(await (await fetch(`${balancer.url}/who`)).text());
    expect(new Set([await ask(), await ask()])).toEqual(new Set(ports));
    isSecondReady = false;
    await waitFor("one is down", async () => (await balancer.countUp()) === 1);
    expect(await Promise.all([ask(), ask(), ask()])).toEqual([ports[0], ports[0], ports[0]]);
  } finally {
    await Promise.all([first.stop(true), second.stop(true)]);
  }
});
