import { z, type RouteConfig } from "@hono/zod-openapi";
import { isFingerprint, parseImageHash, type Digest } from "../../classification/identity.ts";
import { AppError } from "../../errors.ts";
import {
  ADMINISTRATOR_CODES,
  FOR_ADMINISTRATORS,
  registerForAdministrators,
} from "../administrator.ts";
import type { HttpDeps } from "../context.ts";
import { respondJson } from "../exchange.ts";
import { jsonContent, problemResponses, type App } from "../register.ts";
import { validationError } from "../request-body.ts";
import { envelopeSchema, EXAMPLE_HASH } from "../schemas.ts";

const pathSchema = z.object({
  image_hash: z.string().openapi({
    pattern: "^[0-9a-fA-F]{64}$",
    example: EXAMPLE_HASH,
    description: "The photo's digest (`image_digest` of its upload), or a hash claimed for it.",
  }),
});

const responseSchema = z
  .object({
    success: z.literal(true),
    image_hash: z.string(),
    purged: z.object({
      results: z.number().int(),
      claims: z.number().int(),
      aliases: z.number().int(),
      pictures: z.number().int(),
    }),
    ...envelopeSchema,
  })
  .openapi("PurgedPhoto");

export const purgePhotoRoute = {
  method: "delete",
  path: "/api/v1/admin/results/{image_hash}",
  operationId: "purgePhoto",
  tags: ["administration"],
  summary: "Forget everything that is known of a photo",
  description:
    "Deletes the photo's results of all profiles, the claims that point to them and its picture where " +
    "one waits for a better answer. Of a hash that was claimed for photos, those photos go. Every " +
    "process hears of it within two seconds, also when nothing was found here (404).",
  ...FOR_ADMINISTRATORS,
  request: { params: pathSchema },
  responses: {
    200: jsonContent("What was deleted.", responseSchema),
    ...problemResponses(
      ...ADMINISTRATOR_CODES,
      "not_found",
      "validation_failed",
      "database_unavailable",
    ),
  },
} satisfies RouteConfig;

/** Seconds after which the database may be back. */
const RETRY_AFTER_S = 5;

export function mountPurgePhoto(app: App, deps: HttpDeps): void {
  const { purgePhoto, log, clock } = deps;
  registerForAdministrators(app, deps, purgePhotoRoute, async ({ req, env: exchange }) => {
    const digest = readDigest(req.param("image_hash") ?? "");
    const outcome = await purgePhoto(digest);
    if (!outcome.ok) {
      const cause = new Error(outcome.detail);
      const detail = "The database does not answer; nothing was purged for certain.";
      throw new AppError("database_unavailable", detail, { cause, retryAfterS: RETRY_AFTER_S });
    }
    const { requestId } = exchange;
    const purged = outcome.value;
    log.info({ requestId, digest, ...purged }, "photo purged");
    if (Object.values(purged).every((count) => count === 0)) {
      throw new AppError("not_found", "Nothing was kept of this photo; all processes were told.");
    }
    const timestamp = new Date(clock()).toISOString();
    const body: z.infer<typeof responseSchema> = {
      success: true,
      image_hash: digest,
      purged,
      request_id: requestId,
      timestamp,
    };
    return respondJson(exchange, body);
  });
}

function readDigest(text: string): Digest {
  const hash = parseImageHash(text);
  if (hash && !isFingerprint(hash)) return hash as Digest;
  throw validationError([{ path: "image_hash", message: "must be 64 hex characters" }]);
}
