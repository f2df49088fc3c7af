import { describe, expect, test } from "bun:test";
import { identify } from "./identity.ts";
import type { PictureHash } from "./picture-hash.ts";
import { PROVISIONAL_TTL_MS } from "./result.ts";
import { createUpgradeQueue } from "./upgrade-queue.ts";

function open(maxBytes = 1_000) {
  const time = { now: 1_800_000_000_000 };
  return { queue: createUpgradeQueue(maxBytes, () => time.now), time };
}
const named = (name: string) => identify(new TextEncoder().encode(name));
const picture = (bytes = 100) => ({
  jpeg: new Uint8Array(bytes),
  pictureHash: "0000000000000000" as PictureHash,
});

describe("the upgrade queue", () => {
  test("gives out the most requested picture first, each once", () => {
    const { queue } = open();
    for (const name of ["a", "b", "c"]) queue.offer(named(name), picture());
    for (const name of ["b", "b", "c"]) queue.noteRequest(named(name).digest);
    const order = [queue.take(), queue.take(), queue.take()].map((upgrade) => upgrade?.identity);
    expect(order).toEqual([named("b"), named("c"), named("a")]);
    expect(queue.take()).toBeNull();
  });

  test("takes nothing that would exceed its bytes, and takes again when there is room", () => {
    const { queue } = open(250);
    for (const name of ["a", "b", "c"]) queue.offer(named(name), picture());
    expect(queue).toMatchObject({ size: 2, bytes: 200 });
    queue.offer(named("small"), picture(50));
    expect(queue).toMatchObject({ size: 3, bytes: 250 });
    queue.take();
    queue.offer(named("c"), picture());
    expect(queue).toMatchObject({ size: 3, bytes: 250 });
  });

  test("holds a picture once, however often it is offered", () => {
    const { queue } = open();
    for (let round = 0; round < 3; round++) queue.offer(named("a"), picture());
    expect(queue).toMatchObject({ size: 1, bytes: 100 });
  });

  test("ignores requests for pictures that it does not hold", () => {
    const { queue } = open();
    queue.noteRequest(named("a").digest);
    expect(queue.take()).toBeNull();
  });

  test("drops what has expired and frees its bytes", () => {
    const { queue, time } = open();
    queue.offer(named("a"), picture());
    time.now += PROVISIONAL_TTL_MS - 1;
    queue.offer(named("b"), picture());
    time.now += 1;
    expect(queue.take()?.identity).toEqual(named("b"));
    expect(queue).toMatchObject({ size: 0, bytes: 0 });
  });

  test("drops a picture after five failed attempts", () => {
    const { queue } = open();
    queue.offer(named("a"), picture());
    let attempts = 0;
    for (let taken = queue.take(); taken; taken = queue.take()) {
      attempts++;
      queue.putBack({ ...taken, attempts });
    }
    expect(attempts).toBe(5);
    expect(queue).toMatchObject({ size: 0, bytes: 0 });
  });

  test("puts a picture back with its requests and its expiry", () => {
    const { queue, time } = open();
    queue.offer(named("a"), picture());
    for (let request = 0; request < 9; request++) queue.noteRequest(named("a").digest);
    const taken = queue.take()!;
    time.now += 1_000;
    queue.putBack(taken);
    expect(queue.take()).toEqual(taken);
    expect(taken.requests).toBe(10);
  });

  test("puts nothing back into bytes that others have taken meanwhile", () => {
    const { queue } = open(100);
    queue.offer(named("a"), picture());
    const taken = queue.take()!;
    queue.offer(named("b"), picture());
    queue.putBack(taken);
    expect(queue).toMatchObject({ size: 1, bytes: 100 });
  });
});
