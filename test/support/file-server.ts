import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What a request gets; `serveFile` is the well-behaved answer. */
export type Serve = (request: IncomingMessage, response: ServerResponse) => void;

export interface FileServer extends AsyncDisposable {
  /** Of the one file that it serves. */
  address: string;
  /** Every request so far, with the headers that matter to downloads. */
  requests: { path: string; range: string | undefined; ifRange: string | undefined }[];
  /** How the next requests are answered, one after the other; the last one stays. */
  behave(...answers: Serve[]): void;
  /** Cuts every connection, as a bad network does. */
  cut(): void;
}

/** A real HTTP server that answers as told. */
export async function startFileServer(): Promise<FileServer> {
  const requests: FileServer["requests"] = [];
  let answers: Serve[] = [];
  const server = createServer((request, response) => {
    const { range, "if-range": ifRange } = request.headers;
    requests.push({ path: request.url ?? "", range, ifRange: ifRange as string | undefined });
    const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}/model.onnx`,
    requests,
    behave(...next) {
      answers = next;
    },
    cut: () => server.closeAllConnections(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Serves a file with an ETag, and ranges of it; after `sends` bytes it falls silent. */
export function serveFile(
  bytes: Uint8Array,
  { etag = '"v1"', sends = Infinity }: { etag?: string | null; sends?: number } = {},
): Serve {
  return ({ headers }, response) => {
    const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0);
    const isRange = start > 0 && headers["if-range"] === etag;
    if (isRange && start >= bytes.length) {
      response.writeHead(416).end();
      return;
    }
    const body = isRange ? bytes.subarray(start) : bytes;
    response.writeHead(isRange ? 206 : 200, {
      "Content-Length": body.length,
      ...(etag !== null && { ETag: etag }),
      ...(isRange && { "Content-Range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` }),
    });
    response.flushHeaders();
    if (body.length <= sends) response.end(body);
    else response.write(body.subarray(0, sends));
  };
}

export function redirectTo(location: string): Serve {
  return (_request, response) => response.writeHead(302, { Location: location }).end();
}

export function answerStatus(status: number, headers: Record<string, string> = {}): Serve {
  return (_request, response) => response.writeHead(status, headers).end("no file");
}
