import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import {
  answerStatus,
  type FileServer,
  redirectTo,
  type Serve,
  serveFile,
  startFileServer,
} from "../../test/support/file-server.ts";
import { openTemporaryFolder } from "../../test/support/temporary-folder.ts";
import { downloadFile, type DownloadOptions } from "./download-file.ts";

const SIZE = 300_000;
const FILE = Uint8Array.from({ length: SIZE }, (_, at) => (at * 31 + (at >> 8)) & 0xff);
const NEWER = FILE.map((byte) => byte ^ 0xff);
const sha256Of = (bytes: Uint8Array) => Bun.SHA256.hash(bytes, "hex");

let server: FileServer;
let folder: ReturnType<typeof openTemporaryFolder>;
let to: string;

beforeAll(async () => {
  server = await startFileServer();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => {
  folder = openTemporaryFolder();
  to = join(folder.path, "model.onnx");
  server.requests.length = 0;
  return () => folder[Symbol.dispose]();
});

function download(options: Partial<DownloadOptions> = {}) {
  const { address } = server;
  const backoffMs = { min: 1, max: 2 };
  return downloadFile({ address, to, sha256: sha256Of(FILE), size: SIZE, backoffMs, ...options });
}

/** `reason: detail` of a failure. */
async function failureOf(options: Partial<DownloadOptions> = {}): Promise<string> {
  const outcome = await download(options);
  return outcome.ok ? "ok" : `${outcome.reason}: ${outcome.detail}`;
}

async function expectWhole(): Promise<void> {
  expect(sha256Of(await Bun.file(to).bytes())).toBe(sha256Of(FILE));
  expect(readdirSync(folder.path)).toEqual(["model.onnx"]);
}

/** Cuts the line once so many bytes are on disk. */
function cutAt(bytes: number): Partial<DownloadOptions> {
  return {
    onProgress(received) {
      if (received === bytes) server.cut();
    },
  };
}

/** A range as asked for, but of a version that nobody asked about. */
const sendOtherVersion: Serve = (_request, response) =>
  response.writeHead(206, { "Content-Range": `bytes 100000-1/${SIZE}`, ETag: '"v9"' }).end("x");

const hangUp: Serve = ({ socket }) => socket.destroy();

const rangesAsked = () => server.requests.map(({ range }) => range);

describe("a download", () => {
  test("ends as one file, nothing beside it, and tells how far it is", async () => {
    server.behave(serveFile(FILE));
    const seen: number[] = [];
    expect(await failureOf({ onProgress: (bytes) => seen.push(bytes) })).toBe("ok");
    await expectWhole();
    expect(seen[0]).toBe(0);
    expect(seen.at(-1)).toBe(SIZE);
    expect(seen).toEqual(seen.toSorted((one, other) => one - other));
  });

  test("goes on where the connection was cut", async () => {
    server.behave(serveFile(FILE, { sends: 100_000 }), serveFile(FILE));
    expect(await failureOf(cutAt(100_000))).toBe("ok");
    await expectWhole();
    const [, second] = server.requests;
    expect(second).toMatchObject({ range: "bytes=100000-", ifRange: '"v1"' });
  });

  test("goes on in another process where one gave up, and says how much is kept", async () => {
    server.behave(serveFile(FILE, { sends: 90_000 }), answerStatus(503));
    expect(await failureOf({ maxRetries: 1, ...cutAt(90_000) })).toEndWith(
      `90000 of ${SIZE} bytes are kept; run it again to go on.`,
    );
    expect(existsSync(to)).toBe(false);
    server.behave(serveFile(FILE));
    expect(await failureOf()).toBe("ok");
    expect(rangesAsked().at(-1)).toBe("bytes=90000-");
    await expectWhole();
  });

  test("starts anew when the file has changed between its parts", async () => {
    const changed = serveFile(FILE, { etag: '"v2"' });
    server.behave(serveFile(NEWER, { sends: 100_000 }), changed);
    expect(await failureOf(cutAt(100_000))).toBe("ok");
    expect(rangesAsked()).toEqual([undefined, "bytes=100000-"]);
    await expectWhole();
  });

  test("takes the whole file from a server that knows no ranges", async () => {
    const plain = serveFile(FILE, { etag: null });
    server.behave(serveFile(FILE, { sends: 100_000 }), plain);
    expect(await failureOf(cutAt(100_000))).toBe("ok");
    await expectWhole();
  });

  test("without an ETag starts anew, a bounded number of times", async () => {
    server.behave(serveFile(FILE, { etag: null, sends: 100_000 }));
    expect(await failureOf({ maxRetries: 2, ...cutAt(100_000) })).toStartWith("truncated: ");
    expect(rangesAsked()).toEqual([undefined, undefined, undefined]);
  });

  test("never joins parts of two versions, whatever the server calls a range", async () => {
    server.behave(serveFile(NEWER, { sends: 100_000 }), sendOtherVersion, serveFile(FILE));
    expect(await failureOf(cutAt(100_000))).toBe("ok");
    expect(rangesAsked()).toEqual([undefined, "bytes=100000-", undefined]);
    await expectWhole();
  });

  test("follows redirects", async () => {
    server.behave(redirectTo("/elsewhere"), redirectTo(server.address), serveFile(FILE));
    expect(await failureOf()).toBe("ok");
    expect(server.requests.map(({ path }) => path)).toEqual([
      "/model.onnx",
      "/elsewhere",
      "/model.onnx",
    ]);
  });

  test("tries again when the server is busy or unreachable for a moment", async () => {
    server.behave(answerStatus(503), answerStatus(429), hangUp, serveFile(FILE));
    expect(await failureOf()).toBe("ok");
    await expectWhole();
  });
});

describe("a download fails", () => {
  test("at once where there is no such file", async () => {
    server.behave(answerStatus(404));
    expect(await failureOf()).toBe(`not_found: ${server.address} answered HTTP 404.`);
    expect(server.requests).toHaveLength(1);
  });

  test("at once where it may not be read", async () => {
    server.behave(answerStatus(403));
    expect(await failureOf()).toBe(`refused: ${server.address} answered HTTP 403.`);
    expect(server.requests).toHaveLength(1);
  });

  test("where redirects lead in a circle, or out of HTTP", async () => {
    server.behave(redirectTo("/model.onnx"));
    expect(await failureOf()).toBe(`redirected: ${server.address} redirects more than 5 times.`);
    server.behave(redirectTo("file:///etc/passwd"));
    expect(await failureOf()).toContain("leads to file:///etc/passwd, which is not followed");
  });

  test("where the checksum is wrong, and throws the bytes away", async () => {
    server.behave(serveFile(NEWER));
    expect(await failureOf()).toBe(
      `wrong_checksum: ${server.address} has the SHA-256 ${sha256Of(NEWER)}, expected was ${sha256Of(FILE)}; it was thrown away.`,
    );
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test("where the file is shorter or longer than expected", async () => {
    server.behave(serveFile(FILE.subarray(1)));
    expect(await failureOf()).toBe(
      `wrong_size: ${server.address} has ${SIZE - 1} bytes, expected were ${SIZE}.`,
    );
    // Chunked, so that only the bytes themselves say how many they are.
    server.behave((_request, response) => response.writeHead(200).end(Buffer.alloc(SIZE + 1)));
    expect(await failureOf()).toContain(`sends more than the ${SIZE} bytes expected`);
    expect(existsSync(to)).toBe(false);
  });

  test("where it is cut again and again without new bytes", async () => {
    server.behave(serveFile(FILE, { sends: 50_000 }), serveFile(FILE, { sends: 0 }));
    expect(await failureOf({ maxRetries: 2, ...cutAt(50_000) })).toMatch(
      /^truncated: .* 50000 of 300000 bytes/,
    );
    expect(server.requests).toHaveLength(4);
  });

  test("where the server falls silent", async () => {
    server.behave((_request, response) => response.writeHead(200).write("some"));
    expect(await failureOf({ stallMs: 20, maxRetries: 0 })).toContain("no bytes for 20 ms");
    server.behave(() => {});
    expect(await failureOf({ stallMs: 20, maxRetries: 0 })).toStartWith("unreachable: ");
  });

  test("when its time is over", async () => {
    server.behave(serveFile(FILE, { sends: 10 }));
    expect(await failureOf({ deadlineMs: 50, maxRetries: 1_000_000 })).toContain(
      "the time for the whole download is over",
    );
  });

  test.skipIf(!existsSync("/dev/full"))("where the disk is full", async () => {
    symlinkSync("/dev/full", `${to}.part`);
    server.behave(serveFile(FILE));
    expect(await failureOf()).toStartWith("disk: The disk is full");
    expect(existsSync(to)).toBe(false);
  });

  test("where no disk could hold the file", async () => {
    expect(await failureOf({ size: 2 ** 60 })).toContain("has no room for");
    expect(server.requests).toHaveLength(0);
  });
});
