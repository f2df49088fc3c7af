import { parseImageHash, type ImageHash } from "../classification/identity.ts";
import { AppError } from "../errors.ts";
import type { HttpDeps } from "./context.ts";
import type { FormFile } from "./multipart.ts";
import { announcedLength, validationError, type BodyLimits } from "./request-body.ts";

type UploadDeps = Pick<HttpDeps, "limits" | "uploadBudget">;

/** Room for boundaries, headers and text fields of a multipart body, in bytes. */
const MULTIPART_OVERHEAD_BYTES = 65_536;

export function mediaTypeOf(request: Request): string {
  return request.headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

/** Works on an upload of up to `maxImages` pictures while the upload budget holds its bytes. */
export function withUpload<Result>(
  request: Request,
  { limits, uploadBudget }: UploadDeps,
  maxImages: number,
  work: (bodyLimits: BodyLimits) => Promise<Result>,
): Promise<Result> {
  const maxBytes = limits.maxImageBytes * maxImages + MULTIPART_OVERHEAD_BYTES;
  const expected = Math.min(announcedLength(request) ?? maxBytes, maxBytes);
  return uploadBudget.hold(expected, () => work({ maxBytes, timeoutMs: limits.bodyTimeoutMs }));
}

/** Throws when a file is empty or too large for one picture. */
export function checkSize({ bytes }: FormFile, maxBytes: number, field: string): void {
  if (bytes.byteLength === 0) throw validationError([{ path: field, message: "is empty" }]);
  if (bytes.byteLength > maxBytes) {
    throw new AppError("payload_too_large", `A picture may have at most ${maxBytes} bytes.`);
  }
}

/** The hash that an app claims for an upload; null when it gave none. */
export function parseClaimedHash(text: unknown, field: string): ImageHash | null {
  if (text === null || text === undefined || text === "") return null;
  const hash = typeof text === "string" ? parseImageHash(text) : null;
  if (hash) return hash;
  throw validationError([{ path: field, message: "must be 64 (or 16) hex characters" }]);
}
