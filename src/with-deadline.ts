/** A process that was busy finds the timer due before the replies that came meanwhile. */
const GRACE_MS = 5;

export interface Deadline {
  timeoutMs: number;
  /** Who is asked, for the error's text. */
  who: string;
  /** Called when the deadline has passed. */
  giveUp?: () => void;
}

/** Settles like `work`, or rejects when the deadline has passed; an answer that comes later, good or bad, is dropped. */
export function withDeadline<Value>(
  work: Promise<Value>,
  { timeoutMs, who, giveUp }: Deadline,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    let timer = setTimeout(() => {
      timer = setTimeout(() => {
        reject(new Error(`${who} did not answer within ${timeoutMs} ms`));
        giveUp?.();
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
