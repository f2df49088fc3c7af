import { expect, test } from "bun:test";
import { behaviours, startFakeProvider } from "./fake-provider.ts";

function ask(baseUrl: string, signal?: AbortSignal): Promise<Response> {
  return fetch(`${baseUrl}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "m", messages: [{ role: "user", content: "hello" }] }),
    ...(signal === undefined ? {} : { signal }),
  });
}

test("a flood is made as the client reads, not ahead of it", async () => {
  const provider = startFakeProvider({ behaviour: behaviours.flood(2 ** 40) });
  const before = process.memoryUsage.rss();
  const response = await ask(provider.baseUrl);
  const reader = response.body!.getReader();
  for (let i = 0; i < 100; i++) await reader.read();
  await reader.cancel();
  expect(process.memoryUsage.rss() - before).toBeLessThan(100 * 2 ** 20);
  await provider.stop();
});

test("1,000 calls at once are answered, and only the newest are kept", async () => {
  const provider = startFakeProvider({ keepRequests: 10 });
  const responses = await Promise.all(Array.from({ length: 1_000 }, () => ask(provider.baseUrl)));
  expect(responses.every(({ status }) => status === 200)).toBe(true);
  expect(provider.calls).toMatchObject({ count: 1_000, inFlight: 0 });
  expect(provider.calls.requests).toHaveLength(10);
  await provider.stop();
});

test("runs as a program of its own until it is told to stop", async () => {
  const script = new URL("./fake-provider.ts", import.meta.url).pathname;
  const args = ["--port", "0", "--category", "pets", "--delay-ms", "1"];
  await using program = Bun.spawn([process.execPath, script, ...args], { stdout: "pipe" });
  const { value } = await program.stdout.getReader().read();
  const [, baseUrl] = /^listening on (\S+)/.exec(new TextDecoder().decode(value)) ?? [];
  const completion = (await (await ask(baseUrl!)).json()) as {
    choices: [{ message: { content: string } }];
  };
  expect(JSON.parse(completion.choices[0].message.content)).toMatchObject({ category: "pets" });
  program.kill("SIGTERM");
  expect(await program.exited).toBe(0);
});
