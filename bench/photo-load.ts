/** What the apps of a bench do. */
export interface LoadPlan {
  /** The server's address, without a slash at the end. */
  url: string;
  clients: number;
  /** Photos in all; null: as many as go into the time. */
  photos: number | null;
  /** How long it is measured after the warm-up; null: until all photos are answered. */
  forMs: number | null;
  warmUpMs: number;
  /** The time over which clients begin one after the other; 0: all at once. */
  rampMs: number;
  /** Part of the photos that is known, 0..1. */
  knownShare: number;
  knownHashes: string[];
  /** A bare server that is asked as often as known photos are; null: none. */
  bareUrl: string | null;
  /** Side of new photos, in pixels. */
  side: number;
  seed: number;
}

/** One answer: when, since the start, and after how long, in milliseconds. */
export interface Stay {
  atMs: number;
  tookMs: number;
}

export interface LoadReport {
  known: Stay[];
  /** What the machine and these clients alone make of a request. */
  bare: Stay[];
  fresh: Stay[];
  /** New photos by method and provider. */
  answeredBy: Record<string, number>;
  failures: string[];
  elapsedMs: number;
}

const CLIENTS = `${import.meta.dir}/clients/photo-clients.ts`;
/** Bun opens 256 connections at a time unless it is told otherwise. */
export const MORE_CONNECTIONS = { BUN_CONFIG_MAX_HTTP_REQUESTS: "4000" };

/** Runs the apps in a process of their own; rejects when that fails. */
export async function runPhotoLoad(plan: LoadPlan): Promise<LoadReport> {
  const child = Bun.spawn([process.execPath, CLIENTS, JSON.stringify(plan)], {
    env: { PATH: Bun.env["PATH"], ...MORE_CONNECTIONS },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const said = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error("the clients failed");
  return JSON.parse(said) as LoadReport;
}

/** The time within which the given part (0..1) of the answers came, in milliseconds; NaN of none. */
export function quantileMs(stays: readonly Stay[], part: number): number {
  const sorted = stays.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
