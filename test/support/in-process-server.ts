import { parseConfig } from "../../src/config.ts";
import type { HandleRequest } from "../../src/http/app.ts";
import { createLifecycle } from "../../src/lifecycle.ts";
import { openServices } from "../../src/services.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { openTemporaryFolder } from "./temporary-folder.ts";

const CLOSE_WITHIN_MS = 10_000;

/** The whole server but for its listener and its loops, on SQLite in a folder of its own. */
export interface InProcessServer extends AsyncDisposable {
  handleRequest: HandleRequest;
  /** `POST /api/v1/classify` with the picture as the body. */
  classify(picture: Uint8Array<ArrayBuffer>, headers?: Record<string, string>): Promise<Response>;
}

/** `settings`: environment variables; what is not given has its default. */
export async function openInProcessServer(
  settings: Record<string, string>,
): Promise<InProcessServer> {
  const folder = openTemporaryFolder();
  const failures: unknown[] = [];
  const lifecycle = createLifecycle((name, error) => failures.push(name, error));
  const config = parseConfig({ DATA_DIR: folder.path, ...settings });
  const log = createLog("silent");
  const { handleRequest } = await openServices(config, {
    lifecycle,
    log,
    version: "0.0.0",
    isReady: () => true,
    link: null,
  });
  return {
    handleRequest,
    classify: (body, headers = {}) =>
      handleRequest(
        new Request("http://localhost/api/v1/classify", {
          method: "POST",
          headers: { "content-type": "image/jpeg", ...headers },
          body,
        }),
      ),
    async [Symbol.asyncDispose]() {
      await lifecycle.close(CLOSE_WITHIN_MS);
      folder[Symbol.dispose]();
      if (failures.length > 0) throw new AggregateError(failures, "did not close");
    },
  };
}
