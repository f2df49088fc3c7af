import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import sharp from "sharp";
import { behaviours, startFakeProvider } from "../support/fake-provider.ts";
import { openTemporaryFolder } from "../support/temporary-folder.ts";

const PROGRAM = join(import.meta.dir, "../../src/cli/providers.ts");

async function run(settings: Record<string, string>, ...args: string[]) {
  using folder = openTemporaryFolder();
  await using program = Bun.spawn([process.execPath, PROGRAM, ...args], {
    // Without an .env file or any variable of the test's own.
    cwd: folder.path,
    env: { PATH: Bun.env["PATH"], ...settings },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(program.stdout).text(),
    new Response(program.stderr).text(),
    program.exited,
  ]);
  return { stdout, stderr, exitCode };
}

describe("providers check", () => {
  test("prints latency, tokens, cost and answer of each provider, and exits with 0", async () => {
    const first = startFakeProvider({
      behaviour: behaviours.answer({ category: "travel_scenery" }),
    });
    const second = startFakeProvider();
    const { stdout, exitCode } = await run(
      {
        LLM_BASE_URL: first.baseUrl,
        LLM_MODEL: "cheap",
        LLM_INPUT_PRICE: "0.15",
        LLM_OUTPUT_PRICE: "0.6",
        LLM_FALLBACK_BASE_URL: second.baseUrl,
        LLM_FALLBACK_MODEL: "strong",
        COST_PER_API_CALL: "0.005",
      },
      "check",
    );
    const [head, ...rows] = stdout.trimEnd().split("\n");
    expect(head).toMatch(/^provider +model +latency +tokens in\/out +cost +answer$/);
    expect(rows[0]).toMatch(
      /^127\.0\.0\.1:\d+ +cheap +\d+ ms +850\/40 +0\.000152 +travel_scenery 0\.92 A bowl/,
    );
    expect(rows[1]).toMatch(/ strong +\d+ ms +850\/40 +0\.005000 \(COST_PER_API_CALL\) +foods /);
    expect(exitCode).toBe(0);
    for (const { calls } of [first, second]) {
      expect(calls.count).toBe(1);
      expect(calls.requests[0]!.picture!.mediaType).toBe("image/jpeg");
    }
    await Promise.all([first.stop(), second.stop()]);
  });

  test("shows each provider the picture as large as it wants it", async () => {
    const fakes = [startFakeProvider(), startFakeProvider()];
    using folder = openTemporaryFolder();
    const file = join(folder.path, "providers.json");
    const providers = fakes.map(({ baseUrl }, index) => {
      return { baseUrl, model: "m", maxSide: [128, 256][index] };
    });
    await Bun.write(file, JSON.stringify({ providers }));
    expect((await run({ LLM_PROVIDERS_FILE: file }, "check")).exitCode).toBe(0);
    const widths = fakes.map(async ({ calls }) => {
      return (await sharp(calls.requests[0]!.picture!.bytes).metadata()).width;
    });
    expect(await Promise.all(widths)).toEqual([128, 256]);
    await Promise.all(fakes.map((fake) => fake.stop()));
  });

  test("says what is wrong with a provider, without its key, and exits with 1", async () => {
    const provider = startFakeProvider({ behaviour: behaviours.status(401) });
    const settings = { LLM_BASE_URL: provider.baseUrl, LLM_API_KEY: "sk-secret-key" };
    const { stdout, exitCode } = await run(settings, "check");
    expect(stdout).toContain("FAILED unauthorized: HTTP 401 (the vendor does not accept this key)");
    expect(stdout).not.toContain("sk-secret");
    expect(exitCode).toBe(1);
    expect(provider.calls.count).toBe(1);
    await provider.stop();
  });

  test.each([
    [{}, "No language model is configured"],
    [{ LLM_PRESET: "gemini" }, 'LLM_PRESET="gemini": needs LLM_API_KEY or GEMINI_API_KEY'],
  ])("with the settings %j says what is missing, and exits with 1", async (settings, message) => {
    const { stderr, exitCode } = await run(settings as Record<string, string>, "check");
    expect(stderr).toContain(message);
    expect(stderr).not.toContain("    at ");
    expect(exitCode).toBe(1);
  });

  test("without a command says how it is used, and exits with 2", async () => {
    const { stderr, exitCode } = await run({});
    expect(stderr).toStartWith("Usage: bun run providers check");
    expect(exitCode).toBe(2);
  });
});
