import { expect, test } from "bun:test";
import { checkResponse } from "../support/check-response.ts";
import { behaviours } from "../support/fake-provider.ts";
import { openHarness, sha256 } from "../support/harness.ts";
import { openConnection } from "../support/http-connection.ts";
import { drawPhoto } from "../support/pictures.ts";

const PATH = "/api/v1/classify";
const UPLOADS = 1_000;
/** Long enough for every upload to arrive while the first is with the model. */
const MODEL_MS = 3_000;
const TIMEOUT_MS = 60_000;

interface ClassifyBody {
  data: unknown;
  request_id: string;
}

/** A connection of its own: `fetch` would send 256 at a time, the server's model call among them. */
async function upload(url: string, photo: Uint8Array, user: string) {
  using connection = openConnection(url);
  const headers = { "Content-Type": "image/jpeg", "X-User-ID": user };
  const raw = await connection.request({ method: "POST", path: PATH, headers, body: photo });
  await checkResponse("POST", PATH, new Response(raw.body, raw));
  return { ...raw, body: JSON.parse(raw.body) as ClassifyBody };
}

test(
  "a thousand simultaneous uploads of one unknown photo make one model call and get equal answers",
  async () => {
    await using harness = await openHarness({ provider: behaviours.slow(MODEL_MS) });
    const photo = await drawPhoto({ width: 320, height: 240 });
    const answers = await Promise.all(
      Array.from({ length: UPLOADS }, (_, index) => upload(harness.url, photo, `device-${index}`)),
    );
    expect(harness.provider.calls.count).toBe(1);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ body }) => JSON.stringify(body.data))).size).toBe(1);
    expect(new Set(answers.map(({ body }) => body.request_id)).size).toBe(UPLOADS);

    const statuses = Map.groupBy(answers, ({ headers }) => headers["cache-status"]!);
    expect(statuses.get("onceover; fwd=miss; stored")).toHaveLength(1);
    expect(statuses.get("onceover; fwd=miss; collapsed")!.length).toBeGreaterThan(UPLOADS / 2);
    expect((await harness.checkCache(sha256(photo))).body.cached).toBe(true);
  },
  TIMEOUT_MS,
);
