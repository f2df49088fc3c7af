import { parseParameters } from "./header-parameters.ts";
import { decodeUtf8, malformedForm, parsePartHeaders } from "./part-headers.ts";

/** One file of an upload. */
export interface FormFile {
  /** As the client named it; null where it did not. */
  filename: string | null;
  /** A view of the body. */
  bytes: Uint8Array;
}

export type FormValue = string | FormFile;

/** The fields of a form by name, in the order sent. */
export type Form = ReadonlyMap<string, readonly FormValue[]>;

/** More than any request of ours has: 20 files and some text fields. */
const MAX_PARTS = 64;
const MAX_HEADER_BYTES = 8_192;
const MAX_TEXT_BYTES = 65_536;
/** RFC 2046, 5.1.1. */
const BOUNDARY = /^[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]$/;

const CR = 0x0d;
const LF = 0x0a;
const DASH = 0x2d;
const HEADERS_END = Buffer.from("\r\n\r\n");

/**
 * Reads a `multipart/form-data` body (RFC 7578, RFC 2046) that has arrived as a whole. Files are views
 * of it, where the platform's parser copies each twice: half the cost of answering a known photo.
 *
 * Strict where a body could mean two things: lines end in CRLF, a boundary has its line for itself and
 * the last one is there; text fields are UTF-8. What comes before the first boundary and after the
 * last is ignored, as RFC 2046 says. Throws an AppError `malformed_request`.
 */
export function parseMultipart(body: Uint8Array<ArrayBuffer>, contentType: string): Form {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const delimiter = Buffer.from(`\r\n--${boundaryOf(contentType)}`);
  const form = new Map<string, FormValue[]>();
  let parts = 0;
  // The first boundary may begin the body, without the end of a line before it.
  const isFirst = bytes.subarray(0, delimiter.length - 2).equals(delimiter.subarray(2));
  const first = isFirst ? -2 : bytes.indexOf(delimiter);
  if (first === -1) throw malformedForm("its boundary is nowhere");
  let at = afterDelimiter(bytes, first + delimiter.length);
  while (at !== null) {
    if (++parts > MAX_PARTS) throw malformedForm(`it has more than ${MAX_PARTS} parts`);
    const contentAt = findContent(bytes, at);
    const { name, filename, isFile } = parsePartHeaders(
      bytes.subarray(at, contentAt - HEADERS_END.length),
    );
    const end = bytes.indexOf(delimiter, contentAt);
    if (end === -1) throw malformedForm("its last boundary is missing");
    const content = bytes.subarray(contentAt, end);
    const value = isFile ? { filename, bytes: content } : decodeText(content, name);
    const values = form.get(name);
    if (values) values.push(value);
    else form.set(name, [value]);
    at = afterDelimiter(bytes, end + delimiter.length);
  }
  return form;
}

function boundaryOf(contentType: string): string {
  const boundary = parseParameters(contentType)?.parameters.get("boundary");
  if (boundary === undefined || !BOUNDARY.test(boundary))
    throw malformedForm("its content type names no boundary");
  return boundary;
}

/** Where the next part's headers begin; null after the last boundary. */
function afterDelimiter(bytes: Buffer, from: number): number | null {
  if (bytes[from] === DASH && bytes[from + 1] === DASH) return null;
  let at = from;
  // Blanks that a gateway may have added (RFC 2046, transport padding).
  while (bytes[at] === 0x20 || bytes[at] === 0x09) at++;
  if (bytes[at] === CR && bytes[at + 1] === LF) return at + 2;
  throw malformedForm("a boundary does not end its line");
}

/** Where the content of a part begins whose headers begin at `from`. */
function findContent(bytes: Buffer, from: number): number {
  const length = bytes.subarray(from, from + MAX_HEADER_BYTES).indexOf(HEADERS_END);
  if (length === -1)
    throw malformedForm(`the headers of a part do not end within ${MAX_HEADER_BYTES} bytes`);
  return from + length + HEADERS_END.length;
}

function decodeText(content: Uint8Array, name: string): string {
  if (content.byteLength > MAX_TEXT_BYTES)
    throw malformedForm(
      `field ${name} is no file, having no filename, and longer than a text may be`,
    );
  return decodeUtf8(content, `field ${name} is no file, having no filename, nor text in UTF-8`);
}
