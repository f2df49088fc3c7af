import { expect, test } from "bun:test";
import { parseConfig } from "./config.ts";
import { drain, listen, ListenError } from "./listener.ts";

function configOf(settings: Record<string, string> = {}) {
  return parseConfig({ PORT: "0", HOST: "127.0.0.1", ...settings });
}

test("a port that is taken is named", async () => {
  const server = listen(configOf(), async () => new Response());
  const PORT = String(server.port);
  expect(() => listen(configOf({ PORT }), async () => new Response())).toThrow(
    new ListenError(
      `cannot listen on 127.0.0.1, port ${PORT}: Failed to start server. Is port ${PORT} in use?`,
    ),
  );
  await server.stop();
});

test("draining goes on answering for a moment, then nobody listens", async () => {
  const server = listen(configOf(), async () => new Response("here"));
  const drained = drain(server, 2_000);
  expect(await (await fetch(server.url)).text()).toBe("here");
  await drained;
  expect(fetch(server.url)).rejects.toThrow();
});

test("a request in flight is waited for", async () => {
  const begun = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const server = listen(configOf(), async () => {
    begun.resolve();
    await released.promise;
    return new Response("late");
  });
  const answer = fetch(server.url).then((response) => response.text());
  await begun.promise;
  const drained = drain(server, 10_000);
  released.resolve();
  expect(await answer).toBe("late");
  await drained;
});

test("a request that outlasts the limit is cut off, and drain says so", async () => {
  const begun = Promise.withResolvers<void>();
  const server = listen(configOf(), () => {
    begun.resolve();
    return new Promise(() => {});
  });
  const answer = fetch(server.url).catch(() => "cut off");
  await begun.promise;
  expect(drain(server, 100)).rejects.toThrow("requests were still in flight");
  expect(await answer).toBe("cut off");
});
