/**
 * Lets concurrent callers share work by key: the first to join opens the flight, everyone who joins
 * while it is open gets the same one, and it is gone when the last has left. Joining is synchronous,
 * so a caller that checks a cache and joins in one tick can never miss both.
 */
export class SingleFlight<Key, Flight> {
  /** Invariant: an entry is here exactly while `participants` is above zero. */
  private readonly flights = new Map<Key, { flight: Flight; participants: number }>();

  get size(): number {
    return this.flights.size;
  }

  /** Runs `work` with the key's flight; `isFirst` tells whether this caller opened it. */
  async join<Result>(
    key: Key,
    open: () => Flight,
    work: (flight: Flight, isFirst: boolean) => Promise<Result>,
  ): Promise<Result> {
    const found = this.flights.get(key);
    const entry = found ?? { flight: open(), participants: 0 };
    if (!found) this.flights.set(key, entry);
    entry.participants++;
    try {
      return await work(entry.flight, found === undefined);
    } finally {
      if (--entry.participants === 0) this.flights.delete(key);
    }
  }
}

/** A promise made at the first call and shared by all later ones. */
export function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined;
  return () => (made ??= make());
}
