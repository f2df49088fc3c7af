import { parseArgs } from "node:util";
import { type Behaviour, behaviours, completionBody } from "./fake-provider-behaviours.ts";

export { type Behaviour, behaviours } from "./fake-provider-behaviours.ts";

/** A chat-completions request as the provider received it. */
export interface ReceivedCall {
  model: string;
  /** All text parts of all messages, in order. */
  prompt: string;
  picture: { mediaType: string; bytes: Uint8Array } | null;
  responseFormat: unknown;
  headers: Record<string, string>;
}

export interface CallLog {
  /** Chat completions asked for so far. */
  count: number;
  /** GET /v1/models so far. */
  probes: number;
  inFlight: number;
  maxInFlight: number;
  /** Calls whose client hung up before the answer was through. */
  aborted: number;
  /** The newest calls, oldest first, at most `keepRequests`. */
  requests: ReceivedCall[];
}

export type Behave = Behaviour | ((call: ReceivedCall | null, index: number) => Behaviour);

export interface FakeProviderOptions {
  port?: number;
  behaviour?: Behave;
  /** Calls to keep parsed; 0 parses none, for benches. Default 64. */
  keepRequests?: number;
}

export interface FakeProvider {
  /** As `LLM_BASE_URL` wants it, `http://127.0.0.1:<port>/v1`. */
  readonly baseUrl: string;
  readonly calls: CallLog;
  /** Sets what happens to chat completions from now on; `index` counts from 0. */
  behave(behave: Behave): void;
  /** Sets what happens to GET /v1/models from now on. */
  behaveToProbes(behaviour: Behaviour): void;
  stop(): Promise<void>;
}

const MODELS = JSON.stringify({ object: "list", data: [{ id: "fake-vision", object: "model" }] });
const MAX_REQUEST_BYTES = 32 * 1024 * 1024;
const CHUNK = new Uint8Array(64 * 1024).fill(0x20);

/**
 * Starts an HTTP server that speaks OpenAI's chat completions and misbehaves on request. It stands
 * in for the language model in tests and benches.
 */
export function startFakeProvider(options: FakeProviderOptions = {}): FakeProvider {
  const keepRequests = options.keepRequests ?? 64;
  const calls: CallLog = {
    count: 0,
    probes: 0,
    inFlight: 0,
    maxInFlight: 0,
    aborted: 0,
    requests: [],
  };
  let behave: Behave = options.behaviour ?? behaviours.answer();
  let probeBehaviour = behaviours.body(MODELS);

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: options.port ?? 0,
    idleTimeout: 0,
    development: false,
    maxRequestBodySize: MAX_REQUEST_BYTES,
    routes: {
      "/v1/models": {
        GET: (request) => {
          calls.probes++;
          return perform(probeBehaviour, request.signal);
        },
      },
      "/v1/chat/completions": { POST: (request) => complete(request) },
    },
    fetch: () => new Response("not found", { status: 404 }),
  });

  async function complete(request: Request): Promise<Response> {
    const index = calls.count++;
    calls.maxInFlight = Math.max(calls.maxInFlight, ++calls.inFlight);
    request.signal.addEventListener("abort", () => calls.aborted++, { once: true });
    try {
      const call = keepRequests > 0 ? parseCall(await request.text(), request.headers) : null;
      if (call === null) await request.arrayBuffer();
      else if (calls.requests.push(call) > keepRequests) calls.requests.shift();
      const behaviour = typeof behave === "function" ? behave(call, index) : behave;
      return await perform(behaviour, request.signal);
    } finally {
      calls.inFlight--;
    }
  }

  return {
    baseUrl: `http://127.0.0.1:${server.port}/v1`,
    calls,
    behave: (next) => void (behave = next),
    behaveToProbes: (next) => void (probeBehaviour = next),
    stop: () => server.stop(true),
  };
}

async function perform(behaviour: Behaviour, signal: AbortSignal): Promise<Response> {
  switch (behaviour.kind) {
    case "reply":
      if (behaviour.delayMs > 0) await delay(behaviour.delayMs, signal);
      return new Response(behaviour.body, { status: behaviour.status, headers: behaviour.headers });
    case "hang":
      await delay(null, signal);
      return new Response(null, { status: 499 });
    case "cut":
      return streamJson(cut(behaviour.sentBytes));
    case "flood":
      return streamJson(flood(behaviour.totalBytes));
    case "drip":
      return streamJson(drip(behaviour.body, behaviour.intervalMs, signal));
  }
}

function streamJson(source: UnderlyingDefaultSource<Uint8Array>): Response {
  const body = new ReadableStream<Uint8Array>(source, { highWaterMark: 0 });
  return new Response(body, { headers: { "content-type": "application/json" } });
}

/** An errored body makes Bun.serve reset the connection; without a reason it does so silently. */
function cut(sentBytes: number): UnderlyingDefaultSource<Uint8Array> {
  const head = new TextEncoder().encode(completionBody().slice(0, sentBytes));
  let sent = sentBytes === 0;
  return {
    pull(controller) {
      if (sent) controller.error();
      else controller.enqueue(head);
      sent = true;
    },
  };
}

function flood(totalBytes: number): UnderlyingDefaultSource<Uint8Array> {
  let left = totalBytes;
  return {
    pull(controller) {
      if (left <= 0) return controller.close();
      left -= CHUNK.length;
      controller.enqueue(CHUNK);
    },
  };
}

function drip(
  body: string,
  intervalMs: number,
  signal: AbortSignal,
): UnderlyingDefaultSource<Uint8Array> {
  const bytes = new TextEncoder().encode(body);
  let at = 0;
  return {
    async pull(controller) {
      await delay(intervalMs, signal);
      if (at >= bytes.length) controller.close();
      else controller.enqueue(bytes.subarray(at, ++at));
    },
  };
}

/** Resolves after `delayMs` (null: never) or when the client hangs up. */
function delay(delayMs: number | null, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = delayMs === null ? undefined : setTimeout(resolve, delayMs);
    const onAbort = () => {
      clearTimeout(timer);
      resolve();
    };
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

interface ContentPart {
  type: string;
  text?: string;
  image_url?: { url: string };
}

function parseCall(text: string, headers: Headers): ReceivedCall {
  const { model, messages, response_format } = JSON.parse(text) as {
    model: string;
    messages: { content: string | ContentPart[] }[];
    response_format?: unknown;
  };
  const parts = messages.flatMap(({ content }): ContentPart[] =>
    typeof content === "string" ? [{ type: "text", text: content }] : content,
  );
  const url = parts.find((part) => part.type === "image_url")?.image_url?.url ?? "";
  const [, mediaType, base64] = /^data:([^;]+);base64,(.*)$/s.exec(url) ?? [];
  return {
    model,
    prompt: parts.map((part) => part.text ?? "").join("\n"),
    picture:
      mediaType === undefined || base64 === undefined
        ? null
        : { mediaType, bytes: Uint8Array.fromBase64(base64) },
    responseFormat: response_format ?? null,
    headers: Object.fromEntries(headers),
  };
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "0" },
      category: { type: "string", default: "foods" },
      "delay-ms": { type: "string", default: "0" },
    },
  });
  const provider = startFakeProvider({
    port: Number(values.port),
    behaviour: behaviours.slow(Number(values["delay-ms"]), { category: values.category }),
    keepRequests: 0,
  });
  process.stdout.write(`listening on ${provider.baseUrl}\n`);
  const stop = () => void provider.stop().then(() => process.exit(0));
  process.once("SIGINT", stop).once("SIGTERM", stop);
}
