import { drawPhoto } from "./pictures.ts";

/** What the server answers to an upload or a question, as far as system tests look at it. */
export interface Answer {
  success: boolean;
  cached?: boolean;
  from_cache?: boolean;
  image_digest?: string;
  error_code?: string;
  data: AnswerData | null;
}

export interface AnswerData {
  category: string;
  inference_method: string;
  provisional: boolean;
  provider: string | null;
  description: string;
}

export interface HealthAnswer {
  status: string;
  database: string;
  redis: string;
  model_api: string;
  details: {
    replicas: { configured: number; usable: number } | null;
    journal_entries: number;
    upgrades_waiting: number;
    budget: { calls: number; cost: number; exhausted: boolean } | null;
  };
}

const REQUEST_TIMEOUT_MS = 40_000;

/**
 * Small JPEGs that nobody has seen before: equal pictures, each with a comment segment of its own
 * (ITU-T T.81, B.2.4.5), so that making thousands costs next to nothing.
 */
export async function createAlbum(side = 48): Promise<() => Uint8Array<ArrayBuffer>> {
  const jpeg = await drawPhoto({ width: side, height: side, quality: 80 });
  return () => {
    const comment = crypto.getRandomValues(new Uint8Array(16));
    const segment = Uint8Array.of(0xff, 0xfe, 0, comment.length + 2, ...comment);
    return new Uint8Array([...jpeg.subarray(0, 2), ...segment, ...jpeg.subarray(2)]);
  };
}

export function sha256(bytes: Uint8Array): string {
  return Bun.SHA256.hash(bytes as Uint8Array<ArrayBuffer>, "hex");
}

/** Uploads a photo as the body of the request. */
export async function upload(
  url: string,
  photo: Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<{ status: number; answer: Answer }> {
  const response = await fetch(`${url}/api/v1/classify`, {
    method: "POST",
    headers: { "Content-Type": "image/jpeg", ...headers },
    body: photo,
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  });
  return { status: response.status, answer: (await response.json()) as Answer };
}

export async function checkCache(
  url: string,
  hash: string,
  userId = "",
): Promise<{ status: number; answer: Answer; cacheStatus: string | null }> {
  const response = await fetch(`${url}/api/v1/classify/check-cache`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-User-ID": userId },
    body: JSON.stringify({ image_hash: hash }),
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  });
  const answer = (await response.json()) as Answer;
  return { status: response.status, answer, cacheStatus: response.headers.get("Cache-Status") };
}

export async function readHealth(url: string): Promise<HealthAnswer> {
  const response = await fetch(`${url}/api/v1/health`, {
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  });
  return (await response.json()) as HealthAnswer;
}
