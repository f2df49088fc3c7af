import { expect } from "bun:test";
import pino from "pino";
import { parseConfig } from "../../src/config.ts";
import type { SettingName } from "../../src/settings.ts";
import { createLifecycle } from "../../src/lifecycle.ts";
import { listen } from "../../src/listener.ts";
import { openServices } from "../../src/services.ts";
import { createModelDir } from "../workers/fixtures/model-dir.ts";
import { checkResponse } from "./check-response.ts";
import { type Behave, behaviours, startFakeProvider } from "./fake-provider.ts";
import { openTemporaryFolder } from "./temporary-folder.ts";

/** A secret that must appear nowhere. */
export const LLM_API_KEY = "sk-harness-6b1f0c5a";
export const ADMIN_TOKEN = "admin-harness-c41e09d7";
const CLOSE_WITHIN_MS = 10_000;

export interface HarnessOptions {
  env?: Partial<Record<SettingName, string>>;
  /** What the fake language model does; null: none is configured. Default: it answers. */
  provider?: Behave | null;
  /** Runs a tiny model in a real worker: red is foods, green is pets, blue is other. */
  localModel?: boolean;
}

export type Harness = Awaited<ReturnType<typeof openHarness>>;

/**
 * The real services behind a real listener on a free port, with a data folder and a language-model
 * provider of their own. Every response is held to its route's documentation.
 */
export async function openHarness({
  env,
  provider = behaviours.answer(),
  localModel,
}: HarnessOptions = {}) {
  const folder = openTemporaryFolder();
  const fake = startFakeProvider(provider ? { behaviour: provider } : {});
  const models = localModel ? await createModelDir(32) : null;
  const config = parseConfig({
    HOST: "127.0.0.1",
    PORT: "0",
    DATA_DIR: folder.path,
    LOG_LEVEL: "debug",
    ADMIN_TOKEN,
    LOCAL_MODEL: models ? "tiny" : "none",
    LOCAL_WORKERS: "1",
    ...(models && { MODELS_DIR: models.path }),
    ...(provider && { LLM_BASE_URL: fake.baseUrl, LLM_API_KEY, LLM_MODEL: "fake-vision" }),
    LLM_MAX_RETRIES: "0",
    ...env,
  });

  const lines: string[] = [];
  const log = pino({ level: config.LOG_LEVEL }, { write: (line) => void lines.push(line) });
  const lifecycle = createLifecycle((name, err) => log.error({ err, part: name }, "did not close"));
  const state = { isReady: true };
  const isReady = () => state.isReady;
  const services = await openServices(config, {
    lifecycle,
    log,
    version: "0.0.0-test",
    isReady,
    link: null,
  });
  const server = listen(config, services.handleRequest);
  lifecycle.onClose("server", () => server.stop(true));
  services.startLoops();
  const url = server.url.href.replace(/\/$/, "");

  async function request(path: string, init: RequestInit = {}): Promise<Response> {
    const response = await fetch(`${url}${path}`, init);
    const { pathname } = new URL(`${url}${path}`);
    await checkResponse(init.method ?? "GET", pathname, response);
    return response;
  }

  return {
    url,
    request,
    provider: fake,
    /** Readiness, as the start and the stop of the process set it. */
    state,
    /** Log lines so far. */
    lines,
    dataDir: folder.path,
    ...operationsOf(request),
    async [Symbol.asyncDispose]() {
      const failed = await lifecycle.close(CLOSE_WITHIN_MS);
      await fake.stop();
      await models?.[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
      if (failed.length > 0) throw new Error(`did not close: ${failed.join(", ")}`);
    },
  };
}

/** How an app calls; the caller is a user id. */
interface AppOptions {
  user?: string;
  hash?: string;
  filename?: string;
}

function userHeader(user?: string): Record<string, string> {
  return user === undefined ? {} : { "X-User-ID": user };
}

/** Bodies are checked by the harness, so tests may read what they name. */
// oxlint-disable-next-line typescript/no-explicit-any
type Body = any;

export interface Answer {
  status: number;
  headers: Headers;
  body: Body;
}

function operationsOf(request: (path: string, init?: RequestInit) => Promise<Response>) {
  async function call(path: string, init?: RequestInit): Promise<Answer> {
    const response = await request(path, init);
    return { status: response.status, headers: response.headers, body: await response.json() };
  }
  const postJson = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    call(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });

  return {
    call,
    postJson,
    checkCache: (hash: string, user?: string) =>
      postJson("/api/v1/classify/check-cache", { image_hash: hash }, userHeader(user)),
    upload(bytes: Uint8Array, { user, hash, filename = "photo.jpg" }: AppOptions = {}) {
      const body = new FormData();
      body.append("image", new File([Uint8Array.from(bytes)], filename));
      if (hash !== undefined) body.append("image_hash", hash);
      return call("/api/v1/classify", { method: "POST", body, headers: userHeader(user) });
    },
    uploadMany(files: readonly Uint8Array[], imageHashes?: string, user?: string) {
      const body = new FormData();
      for (const [index, bytes] of files.entries()) {
        body.append("images", new File([Uint8Array.from(bytes)], `${index}.jpg`));
      }
      if (imageHashes !== undefined) body.append("image_hashes", imageHashes);
      return call("/api/v1/classify/batch", { method: "POST", body, headers: userHeader(user) });
    },
  };
}

/** Asserts a problem document: its status, its code and the fields that it names. */
export function expectProblem(
  { status, body }: Answer,
  wanted: number,
  code: string,
  paths?: string[],
) {
  expect([status, body.error_code]).toEqual([wanted, code]);
  const named = (body.errors as { path: string }[] | undefined)?.map(({ path }) => path);
  if (paths) expect(named).toEqual(paths);
}

export function sha256(bytes: Uint8Array | string): string {
  return Bun.SHA256.hash(bytes, "hex");
}
