/** Splits a batch, so that no statement outgrows a packet or a parameter limit. */
export function* chunked<Item>(items: readonly Item[], size: number): Generator<Item[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}
