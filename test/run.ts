/**
 * The test command: installs what the tests need and this machine lacks, starts one MariaDB of its own
 * for all of them, runs every test in parallel processes and ends with `N passed, N failed`.
 * Arguments are handed to `bun test`, e.g. `bun run test test/http`.
 */
import { installServices } from "./support/install-services.ts";
import { startMariadb } from "./support/mariadb.ts";

const TEST_TIMEOUT_MS = 60_000;

await installServices(["mariadbd", "redis-server", "haproxy", "chromium"]);
const mariadb = await startMariadb();
const tests = Bun.spawn(
  [
    process.execPath,
    "test",
    "--parallel",
    `--timeout=${TEST_TIMEOUT_MS}`,
    "--only-failures",
    ...Bun.argv.slice(2),
  ],
  {
    cwd: `${import.meta.dir}/..`,
    env: { ...Bun.env, TEST_MARIADB_URL: mariadb.url() },
    stdio: ["ignore", "pipe", "pipe"],
  },
);

/** Shows a stream as it comes and keeps it. */
async function tee(stream: ReadableStream<Uint8Array>, sink: NodeJS.WriteStream): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    sink.write(chunk);
    text += decoder.decode(chunk, { stream: true });
  }
  return text;
}

function count(report: string, word: "pass" | "fail"): number {
  const lines = [...report.matchAll(new RegExp(`^ *(\\d+) ${word}$`, "gm"))];
  return Number(lines.at(-1)?.[1] ?? 0);
}

const [, report] = await Promise.all([
  tee(tests.stdout, process.stdout),
  tee(tests.stderr, process.stderr),
]);
const exitCode = await tests.exited;
await mariadb.stop();
const passed = count(report, "pass");
const failed = count(report, "fail");
const isGreen = exitCode === 0 && failed === 0 && passed > 0;
process.stdout.write(`\n${passed} passed, ${isGreen ? 0 : Math.max(1, failed)} failed\n`);
process.exit(isGreen ? 0 : 1);
