/** A process that was busy finds the timer due before the replies that came meanwhile. */
const GRACE_MS = 5;

/** Settles like `work`; past the deadline it rejects and calls `giveUp`, and what comes late is dropped. */
export function withDeadline<Value>(
  work: Promise<Value>,
  timeoutMs: number,
  giveUp: () => void,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    let timer = setTimeout(() => {
      timer = setTimeout(() => {
        reject(new Error(`Redis did not answer within ${timeoutMs} ms`));
        giveUp();
      }, GRACE_MS);
    }, timeoutMs);
    work.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error as Error);
      },
    );
  });
}
