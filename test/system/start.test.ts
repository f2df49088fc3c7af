import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { createAlbum, readHealth, sha256, upload } from "../support/album.ts";
import { startFakeProvider, type FakeProvider } from "../support/fake-provider.ts";
import { openMariadb, type TestMariadb } from "../support/mariadb.ts";
import { createDataDir, runToEnd, startServer, type Settings } from "../support/server-process.ts";
import { createModelDir } from "../workers/fixtures/model-dir.ts";
import { version } from "../../package.json";

let provider: FakeProvider;
let mariadb: TestMariadb;
const newPhoto = await createAlbum();

beforeAll(async () => {
  provider = startFakeProvider({ keepRequests: 0 });
  mariadb = await openMariadb();
}, 60_000);
afterAll(async () => {
  await provider.stop();
  await mariadb.stop();
}, 60_000);

/** Settings with which a server starts; each test breaks one of them. With its token, none is printed. */
function working(): Settings {
  return {
    ADMIN_TOKEN: "admin-of-the-start",
    LLM_BASE_URL: provider.baseUrl,
    LOCAL_MODEL: "none",
  };
}

async function runIn(settings: Settings, ...args: string[]) {
  await using dir = await createDataDir();
  return await runToEnd(dir.path, settings, ...args);
}

/** Runs a start that must fail: readable lines on standard error, no stack trace. */
async function complaintsOf(settings: Settings, expectedExitCode = 1): Promise<string[]> {
  const { exitCode, stderr } = await runIn({ ...working(), ...settings });
  expect({ exitCode, stderr }).toMatchObject({ exitCode: expectedExitCode });
  const [title, ...lines] = stderr.trimEnd().split("\n");
  expect(title).toBe("onceover cannot start:");
  for (const line of lines) expect(line).not.toMatch(/^\s+at |\.ts:\d+/);
  return lines;
}

describe("arguments", () => {
  test("--help names every setting and does not start", async () => {
    const { exitCode, stdout, stderr } = await runIn({}, "--help");
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    for (const name of ["PORT (8000)", "DATABASE_URL", "LLM_API_KEY", "SHUTDOWN_DEADLINE_MS"])
      expect(stdout).toContain(name);
  });

  test("--version", async () => {
    expect(await runIn({}, "--version")).toEqual({
      exitCode: 0,
      stdout: `${version}\n`,
      stderr: "",
    });
  });

  test("anything else is refused", async () => {
    const { exitCode, stderr } = await runIn({}, "--port=80");
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^Unknown argument --port=80\..*--help\.\n$/);
  });
});

describe("a start that cannot be", () => {
  test("wrong settings: one line per mistake, without secrets", async () => {
    const settings = {
      PORT: "eighty",
      INFERENCE: "guess",
      DATABASE_URL: "postgres://root:hunter2@localhost/x",
    };
    const lines = await complaintsOf(settings, 2);
    expect(lines).toEqual([
      `PORT="eighty": must be a whole number from 0 to 65535`,
      `DATABASE_URL=(hidden): must be an address mysql://…`,
      `INFERENCE="guess": must be llm-first, local-first, llm-only, local-only`,
    ]);
  });

  test("port in use", async () => {
    using taken = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
    const lines = await complaintsOf({ PORT: String(taken.port) });
    expect(lines).toEqual([expect.stringContaining(String(taken.port))]);
  });

  test("an address that is not this machine's", async () => {
    const lines = await complaintsOf({ HOST: "192.0.2.1" });
    expect(lines).toEqual([expect.stringContaining("192.0.2.1")]);
  });

  test("data folder that cannot be made", async () => {
    await using dir = await createDataDir();
    const file = join(dir.path, "file");
    await Bun.write(file, "not a folder");
    const folder = join(file, "data");
    expect(await complaintsOf({ DATA_DIR: folder })).toEqual([expect.stringContaining(folder)]);
    const withMysql = { DATA_DIR: folder, DATABASE_URL: await mariadb.createDatabase() };
    expect(await complaintsOf(withMysql)).toEqual([expect.stringContaining(folder)]);
  });

  test("a SQLite file that is none", async () => {
    await using dir = await createDataDir();
    await Bun.write(join(dir.path, "onceover.db"), "x".repeat(5_000));
    const lines = await complaintsOf({ DATA_DIR: dir.path });
    expect(lines).toEqual([expect.stringContaining("not a database")]);
  });

  test("wrong password, unknown database: refused, without the password", async () => {
    const wrongPassword = new URL(await mariadb.createDatabase());
    wrongPassword.username = "nobody";
    wrongPassword.password = "hunter2";
    const refused = await complaintsOf({ DATABASE_URL: wrongPassword.href });
    expect(refused).toEqual([expect.stringMatching(/refused.*nobody/)]);
    expect(refused[0]).not.toContain("hunter2");

    const unknown = await complaintsOf({ DATABASE_URL: mariadb.url("no_such_database") });
    expect(unknown).toEqual([expect.stringMatching(/refused.*no_such_database/)]);
  });

  test("no model, wrong checksum, no profile", async () => {
    await using models = await createModelDir();
    const settings = { MODELS_DIR: models.path, LOCAL_MODEL: "absent" };
    expect(await complaintsOf(settings)).toEqual([expect.stringContaining("absent.json")]);

    await models.writeManifest({ sha256: "0".repeat(64) });
    expect(await complaintsOf({ ...settings, LOCAL_MODEL: "tiny" })).toEqual([
      expect.stringMatching(/tiny\.onnx has the SHA-256/),
    ]);
    await models.writeManifest({ file: "gone.onnx" });
    expect(await complaintsOf({ ...settings, LOCAL_MODEL: "tiny" })).toEqual([
      expect.stringContaining("gone.onnx"),
    ]);
    expect(await complaintsOf({ PROFILE_FILE: "gone.json" })).toEqual([
      expect.stringContaining("gone.json"),
    ]);
  });
});

test("a start without any database: up soon, says so, and answers", async () => {
  await using dir = await createDataDir();
  const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const DATABASE_URL = `mysql://root:hunter2@127.0.0.1:${silent.port}/onceover`;
  await using server = await startServer(dir.path, { ...working(), DATABASE_URL });
  silent.stop(true);
  expect(server.log.some(({ level, msg }) => level === "error" && msg.includes("database"))).toBe(
    true,
  );
  expect(JSON.stringify(server.log)).not.toContain("hunter2");
  expect(await readHealth(server.url)).toMatchObject({
    status: "unhealthy",
    database: "disconnected",
  });
  const photo = newPhoto();
  const { status, answer } = await upload(server.url, photo);
  expect({ status, digest: answer.image_digest }).toEqual({ status: 200, digest: sha256(photo) });
  expect(await server.stop()).toBe(0);
});
