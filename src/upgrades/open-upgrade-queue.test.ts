import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { identify } from "../classification/identity.ts";
import type { PictureHash } from "../classification/picture-hash.ts";
import { PROVISIONAL_TTL_MS } from "../classification/result.ts";
import { openUpgradeQueue, type DurableUpgradeQueue } from "./open-upgrade-queue.ts";

const LEASE_MS = 20_000;
const folders: string[] = [];
const opened: DurableUpgradeQueue[] = [];
afterEach(() => {
  for (const queue of opened.splice(0)) queue.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function openFolder() {
  const folder = mkdtempSync(join(tmpdir(), "onceover-upgrades-"));
  folders.push(folder);
  const time = { now: 1_800_000_000_000 };
  const errors: unknown[] = [];
  const open = ({ maxBytes = 1_000_000, profileId = "profile" } = {}) => {
    const queue = openUpgradeQueue({
      file: join(folder, "data", "upgrades.db"),
      profileId,
      maxBytes,
      leaseMs: LEASE_MS,
      onError: (error) => errors.push(error),
      clock: () => time.now,
    });
    opened.push(queue);
    return queue;
  };
  return { open, time, errors, data: join(folder, "data") };
}

const named = (name: string) => identify(new TextEncoder().encode(name));
const picture = (bytes = 100) => ({
  jpeg: new Uint8Array(bytes).fill(7),
  pictureHash: "0123456789abcdef" as PictureHash,
});
const close = (queue: DurableUpgradeQueue) => opened.splice(opened.indexOf(queue), 1)[0]!.close();
const namesOf = (queue: DurableUpgradeQueue, limit = 10) =>
  queue.take(limit).map(({ identity }) => identity.digest);

describe("the upgrade queue", () => {
  test("gives the whole picture back after a restart, with its requests", () => {
    const { open } = openFolder();
    const before = open();
    before.offer(named("a"), picture());
    before.offer(named("b"), picture());
    before.noteRequest(named("b").digest);
    close(before);
    const after = open();
    expect(after).toMatchObject({ size: 2, bytes: 200 });
    const expected = { identity: named("b"), picture: picture(), attempts: 0 };
    expect(after.take(1)).toEqual([expected]);
  });

  test("lends the most requested ones out first, each to one taker", () => {
    const { open } = openFolder();
    const [one, other] = [open(), open()];
    for (const name of ["a", "b", "c"]) one.offer(named(name), picture());
    for (const name of ["c", "c", "b"]) one.noteRequest(named(name).digest);
    expect(namesOf(one, 2).toSorted()).toEqual([named("b").digest, named("c").digest].toSorted());
    expect(namesOf(other)).toEqual([named("a").digest]);
    expect(namesOf(one)).toEqual([]);
  });

  test("lends again what a process that died had taken", () => {
    const { open, time } = openFolder();
    const queue = open();
    queue.offer(named("a"), picture());
    expect(namesOf(queue)).toHaveLength(1);
    time.now += LEASE_MS - 1;
    expect(namesOf(queue)).toHaveLength(0);
    time.now += 1;
    expect(namesOf(queue)).toHaveLength(1);
  });

  test("deletes what is done, and leaves nothing of it on the disk", () => {
    const { open, data } = openFolder();
    const queue = open();
    const secret = new TextEncoder().encode("a face that nobody should see ".repeat(500));
    queue.offer(named("a"), { ...picture(), jpeg: secret });
    const onDisk = () =>
      readdirSync(data).some((file) => readFileSync(join(data, file)).includes("a face that"));
    expect(onDisk()).toBe(true);
    expect(statSync(join(data, "upgrades.db")).mode & 0o777).toBe(0o600);
    for (const upgrade of queue.take(1)) queue.done(upgrade);
    expect(queue).toMatchObject({ size: 0, bytes: 0 });
    expect(onDisk()).toBe(false);
  });

  test("takes one back, and deletes it after five attempts", () => {
    const { open } = openFolder();
    const queue = open();
    queue.offer(named("a"), picture());
    let attempts = 0;
    for (let [taken] = queue.take(1); taken; [taken] = queue.take(1)) {
      expect(taken.attempts).toBe(attempts++);
      queue.putBack({ ...taken, attempts });
    }
    expect(attempts).toBe(5);
    expect(queue).toMatchObject({ size: 0, bytes: 0 });
  });

  test("takes nothing that would exceed its bytes, and takes again when there is room", () => {
    const { open } = openFolder();
    const queue = open({ maxBytes: 250 });
    for (const name of ["a", "b", "c"]) queue.offer(named(name), picture());
    expect(queue).toMatchObject({ size: 2, bytes: 200 });
    for (const upgrade of queue.take(1)) queue.done(upgrade);
    queue.offer(named("c"), picture());
    expect(queue).toMatchObject({ size: 2, bytes: 200 });
  });

  test("drops what has expired, and keeps what was offered again", () => {
    const { open, time } = openFolder();
    const queue = open();
    for (const name of ["a", "b"]) queue.offer(named(name), picture());
    time.now += PROVISIONAL_TTL_MS - 1;
    queue.offer(named("b"), picture());
    expect(queue.size).toBe(2);
    time.now += 1;
    queue.sweep();
    expect(queue).toMatchObject({ size: 1, bytes: 100 });
    expect(namesOf(queue)).toEqual([named("b").digest]);
  });

  test("leaves pictures of another profile alone until they expire", () => {
    const { open, time } = openFolder();
    const old = open({ profileId: "old" });
    old.offer(named("a"), picture());
    const queue = open();
    expect(namesOf(queue)).toEqual([]);
    time.now += PROVISIONAL_TTL_MS;
    queue.sweep();
    expect(queue.size).toBe(0);
  });

  test("a disk that refuses fails nobody", () => {
    const { open, errors } = openFolder();
    const queue = open();
    close(queue);
    queue.offer(named("a"), picture());
    expect(queue.take(1)).toEqual([]);
    queue.sweep();
    expect(errors).toHaveLength(3);
  });
});
