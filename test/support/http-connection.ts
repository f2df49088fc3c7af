import { connect, type Socket } from "node:net";

export interface RawResponse {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: string;
}

export interface RawRequest {
  method?: string;
  path: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

/** What the other side did instead of answering. */
export class ConnectionLostError extends Error {
  override readonly name = "ConnectionLostError";
  constructor(
    /** `ECONNREFUSED`: nobody accepted the connection; else an accepted one was lost. */
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/**
 * One kept-alive HTTP/1.1 connection without mercy: no retry, no reconnect, no pool. `fetch` repeats
 * some requests on a new connection by itself, which would hide what tests of a shutdown look for.
 */
export interface HttpConnection extends Disposable {
  /** One at a time. Rejects with a ConnectionLostError when no whole answer comes. */
  request(request: RawRequest): Promise<RawResponse>;
  /** Sends bytes as they are. */
  write(bytes: string | Uint8Array): void;
  /** The next answer, whatever was written. */
  response(): Promise<RawResponse>;
  /** Resolves when the other side has closed. */
  readonly closed: Promise<void>;
}

export function openConnection(url: string): HttpConnection {
  const { hostname, port, host } = new URL(url);
  const socket = connect(Number(port), hostname);
  const { promise: closed, resolve: setClosed } = Promise.withResolvers<void>();
  let received = Buffer.alloc(0);
  let lost: ConnectionLostError | null = null;
  let waiting: PromiseWithResolvers<RawResponse> | null = null;

  function settle() {
    if (!waiting) return;
    const parsed = parseResponse(received);
    if (parsed) {
      received = received.subarray(parsed.length);
      waiting.resolve(parsed.response);
    } else if (lost) waiting.reject(lost);
    else return;
    waiting = null;
  }
  socket.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    settle();
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    lost ??= new ConnectionLostError(error.code ?? "UNKNOWN", error.message);
  });
  socket.on("close", () => {
    lost ??= new ConnectionLostError("CLOSED", "closed without an answer");
    setClosed();
    settle();
  });

  function response(): Promise<RawResponse> {
    waiting = Promise.withResolvers<RawResponse>();
    const { promise } = waiting;
    settle();
    return promise;
  }
  return {
    closed,
    response,
    write: (bytes) => void socket.write(bytes),
    request({ method = "GET", path, headers = {}, body = "" }) {
      const length = Buffer.byteLength(body);
      const head = { Host: host, "Content-Length": String(length), ...headers };
      const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
      writeWhole(socket, `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`, body);
      return response();
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

function writeWhole(socket: Socket, head: string, body: string | Uint8Array): void {
  socket.write(Buffer.concat([Buffer.from(head), Buffer.from(body as Uint8Array)]));
}

/** The first whole response in `bytes` and its length; null while it is not all there. */
function parseResponse(bytes: Buffer): { response: RawResponse; length: number } | null {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return null;
  const [statusLine = "", ...lines] = bytes.toString("latin1", 0, headEnd).split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const start = headEnd + 4;
  const length = start + Number(headers["content-length"] ?? 0);
  if (bytes.length < length) return null;
  const status = Number(statusLine.split(" ")[1]);
  return { response: { status, headers, body: bytes.toString("utf8", start, length) }, length };
}
