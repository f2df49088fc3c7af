const BAR_WIDTH = 24;
const REDRAW_MS = 100;

interface ProgressOptions {
  name: string;
  /** In bytes. */
  size: number;
  write: (text: string) => void;
  /** Whether a line can be drawn over; else a plain line is written for each tenth. */
  isTerminal: boolean;
  /** Milliseconds, never going back. */
  clock?: () => number;
}

/** Shows how far a download is. Call the result with the bytes that are there. */
export function showProgress(options: ProgressOptions): (receivedBytes: number) => void {
  return options.isTerminal ? drawBar(options) : writeTenths(options);
}

function drawBar({
  name,
  size,
  write,
  clock = performance.now.bind(performance),
}: ProgressOptions) {
  let begin: { at: number; bytes: number } | null = null;
  let drawnAt = -Infinity;
  return (received: number): void => {
    const now = clock();
    begin ??= { at: now, bytes: received };
    const isDone = received >= size;
    if (!isDone && now - drawnAt < REDRAW_MS) return;
    drawnAt = now;
    const filled = Math.round((received / size) * BAR_WIDTH);
    const bar = "#".repeat(filled).padEnd(BAR_WIDTH);
    const speed = (received - begin.bytes) / Math.max(1, now - begin.at);
    const pace = speed === 0 ? "" : `  ${megabytes(speed * 1000)} MB/s`;
    const left =
      speed === 0 || isDone ? "" : `  ${Math.ceil((size - received) / speed / 1000)} s left`;
    // Erases what a longer line left behind (ECMA-48, EL).
    write(
      `\r${name}  [${bar}]  ${share(received, size)}${pace}${left}\u001b[K${isDone ? "\n" : ""}`,
    );
  };
}

function writeTenths({ name, size, write }: ProgressOptions) {
  let written = -1;
  return (received: number): void => {
    const tenth = Math.floor((received / size) * 10);
    if (tenth === written) return;
    written = tenth;
    write(`${name}: ${share(received, size)}\n`);
  };
}

function share(received: number, size: number): string {
  const percent = Math.floor((received / size) * 100);
  return `${percent} %, ${megabytes(received)} of ${megabytes(size)} MB`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
