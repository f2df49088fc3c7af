import type { z } from "zod";
import { AppError, type FieldIssue } from "../errors.ts";
import { parseMultipart, type Form } from "./multipart.ts";
import { clearDeadline, setDeadline } from "./deadlines.ts";

export interface BodyLimits {
  maxBytes: number;
  timeoutMs: number;
}

/** The announced length of a body in bytes; null when it comes in chunks of unknown number. */
export function announcedLength(request: Request): number | null {
  const header = request.headers.get("content-length");
  return header !== null && /^\d+$/.test(header) ? Number(header) : null;
}

/**
 * Reads a whole body. Rejects with `payload_too_large`, before reading where the length is announced
 * and as soon as it is exceeded where not, and with `request_timeout` when it takes too long.
 */
export async function readBody(
  request: Request,
  limits: BodyLimits,
): Promise<Uint8Array<ArrayBuffer>> {
  const { maxBytes, timeoutMs } = limits;
  const length = announcedLength(request);
  if (length !== null && length > maxBytes) throw tooLarge(maxBytes);
  const reading = length === null ? readChunks(request, maxBytes) : request.bytes();
  const bytes = await withTimeout(reading, timeoutMs, (read) => read);
  if (bytes.byteLength > maxBytes) throw tooLarge(maxBytes);
  return bytes as Uint8Array<ArrayBuffer>;
}

/** Reads a multipart body within the limits; `malformed_request` when it is none. */
export async function readMultipart(request: Request, limits: BodyLimits): Promise<Form> {
  const contentType = request.headers.get("content-type") ?? "";
  return parseMultipart(await readBody(request, limits), contentType);
}

async function readChunks(request: Request, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of request.body ?? []) {
    total += chunk.byteLength;
    if (total > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Settles with what `answer` makes of the body, or rejects with `request_timeout`. */
function withTimeout<Body, Value>(
  reading: Promise<Body>,
  timeoutMs: number,
  answer: (body: Body) => Value | Promise<Value>,
): Promise<Value> {
  const { promise, resolve, reject } = Promise.withResolvers<Value>();
  const deadline = setDeadline(timeoutMs, () => {
    reject(new AppError("request_timeout", `The body did not arrive within ${timeoutMs} ms.`));
  });
  reading.then(
    (body) => {
      clearDeadline(deadline);
      try {
        resolve(answer(body));
      } catch (error) {
        reject(error);
      }
    },
    (cause: unknown) => {
      clearDeadline(deadline);
      const unreadable = new AppError("malformed_request", "The body could not be read.", {
        cause,
      });
      reject(cause instanceof AppError ? cause : unreadable);
    },
  );
  return promise;
}

function tooLarge(maxBytes: number): AppError {
  return new AppError("payload_too_large", `The body may have at most ${maxBytes} bytes.`);
}

/** Largest JSON body in bytes: a hundred hashes are 7 kB. */
const MAX_JSON_BYTES = 65_536;

/**
 * Reads a JSON body and settles with what `answer` makes of it, once `parse` has checked it. As text,
 * because Bun makes a string with less work than an array of bytes; and without async functions or
 * further promises in between, each of which is felt on the path of a cache hit.
 */
export function readJson<Question, Answer>(
  request: Request,
  parse: (text: string) => Question,
  timeoutMs: number,
  answer: (question: Question) => Answer | Promise<Answer>,
): Promise<Answer> {
  if (!isJson(request.headers.get("content-type"))) {
    const detail = "The body must be application/json.";
    return Promise.reject(new AppError("unsupported_media_type", detail));
  }
  const length = announcedLength(request);
  if (length !== null && length > MAX_JSON_BYTES) return Promise.reject(tooLarge(MAX_JSON_BYTES));
  const reading =
    length === null
      ? readChunks(request, MAX_JSON_BYTES).then((bytes) => UTF8.decode(bytes))
      : request.text();
  return withTimeout(reading, timeoutMs, (text) => answer(parse(text)));
}

function isJson(contentType: string | null): boolean {
  if (contentType === "application/json") return true;
  return contentType?.split(";", 1)[0]?.trim().toLowerCase() === "application/json";
}

/** Throws an AppError that names every offending field. */
export function parseJson<Schema extends z.ZodType>(
  text: string,
  schema: Schema,
): z.output<Schema> {
  // What bytes that are no UTF-8 turn into.
  if (text.includes("\uFFFD")) throw invalidJson();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalidJson();
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw validationError(parsed.error.issues.map(toFieldIssue));
}

const UTF8 = new TextDecoder();

function invalidJson(): AppError {
  return new AppError("malformed_request", "The body is not valid JSON.");
}

function toFieldIssue({ path, message }: { path: PropertyKey[]; message: string }): FieldIssue {
  return { path: path.map(String).join("."), message };
}

export function validationError(fields: readonly FieldIssue[]): AppError {
  const names = [...new Set(fields.map(({ path }) => path || "body"))].join(", ");
  return new AppError("validation_failed", `Not valid: ${names}.`, { fields });
}
