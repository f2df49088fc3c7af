import { AppError } from "../errors.ts";
import { parseParameters } from "./header-parameters.ts";

/** What the headers of one part of a form say. */
export interface PartHeaders {
  name: string;
  /** null: not named, or named with nothing. */
  filename: string | null;
  /** Whether it is a file rather than a text field: files have a name, be it an empty one. */
  isFile: boolean;
}

/** How browsers, curl and the libraries of apps write a part's headers, with nothing to unescape. */
const USUAL =
  /^content-disposition: form-data; name="([^"\\%\r\n]*)"(?:; filename="([^"\\%\r\n]*)")?(?:\r\ncontent-type: [^\r\n]*)?$/i;
const HEADER = /^([!#$%&'*+.^_`|~\w-]+):([^\r\n]*)$/;
/** Encodings that leave the bytes as they are; RFC 7578, 4.7 has no others in use. */
const IDENTITY = new Set(["7bit", "8bit", "binary"]);
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads a part's headers, without the empty line behind them. Throws an AppError `malformed_request`. */
export function parsePartHeaders(bytes: Uint8Array): PartHeaders {
  const text = decodeUtf8(bytes, "the headers of a part are not UTF-8");
  const [usual, usualName = "", usualFile] = USUAL.exec(text) ?? [];
  // Read at a glance, in an eighth of the time.
  if (usual !== undefined)
    return { name: usualName, filename: usualFile || null, isFile: usualFile !== undefined };
  const headers = new Map<string, string>();
  for (const line of text.split("\r\n")) {
    const [, name, value] = HEADER.exec(line) ?? [];
    // A folded line, too, which HTTP has done away with.
    if (name === undefined) throw malformedForm("a line among the headers of a part is no header");
    const key = name.toLowerCase();
    if (headers.has(key)) throw malformedForm(`a part has two headers ${name}`);
    headers.set(key, value!.trim());
  }
  const encoding = headers.get("content-transfer-encoding")?.toLowerCase();
  if (encoding !== undefined && !IDENTITY.has(encoding))
    throw malformedForm("a part has a transfer encoding");
  return readDisposition(headers.get("content-disposition") ?? "");
}

function readDisposition(header: string): PartHeaders {
  const disposition = parseParameters(header);
  const name = disposition?.parameters.get("name");
  if (disposition?.value !== "form-data" || name === undefined)
    throw malformedForm("a part is not named by Content-Disposition: form-data; name=…");
  const { parameters } = disposition;
  // RFC 7578 forbids `filename*`; some clients send it all the same, beside `filename` or alone.
  const extended = parameters.get("filename*");
  const plain = parameters.get("filename");
  const filename = plain === undefined ? extended && decodeExtended(extended) : unescapeName(plain);
  return { name: unescapeName(name), filename: filename || null, isFile: filename !== undefined };
}

/** How browsers write what would end the line or the string (WHATWG HTML, multipart encoding). */
function unescapeName(name: string): string {
  return name.replace(/%(?:22|0a|0d)/gi, decodeURIComponent);
}

/** RFC 8187: `UTF-8''%e2%82%ac.jpg`. */
function decodeExtended(value: string): string {
  const [, encoded] = /^utf-8'[\w-]*'([!#$&+.^_`|~\w%-]*)$/i.exec(value) ?? [];
  try {
    if (encoded !== undefined) return decodeURIComponent(encoded);
  } catch {
    // Told below.
  }
  throw malformedForm("a file name is not in UTF-8");
}

/** Throws an AppError `malformed_request` that says why. */
export function decodeUtf8(bytes: Uint8Array, why: string): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw malformedForm(why);
  }
}

export function malformedForm(why: string): AppError {
  return new AppError("malformed_request", `The multipart body cannot be read: ${why}.`);
}
