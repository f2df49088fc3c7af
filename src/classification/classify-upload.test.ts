import { describe, expect, test } from "bun:test";
import {
  ALIASES,
  A_WHILE_MS,
  BROKEN_PHOTO,
  callerOf,
  categoryOf,
  createLocalModel,
  newDigest,
  newResult,
  openDomain,
  petsWith,
  photo,
} from "../../test/support/domain.ts";
import { NOBODY } from "./alias.ts";
import { identify } from "./identity.ts";

const [ann, ben, eve] = [callerOf("ann"), callerOf("ben"), callerOf("eve")];
const FOODS = 3;
const IDCARD = 6;

describe("an upload", () => {
  test("of an unknown photo is classified, kept, and known from then on", async () => {
    await using domain = await openDomain();
    const answer = await domain.upload(photo(FOODS), ann);
    expect(answer).toMatchObject({ source: "model", collapsed: false, saved: "stored" });
    expect(answer.classification).toMatchObject({ category: "foods", method: "llm" });
    const { digest, fingerprint } = identify(photo(FOODS));
    expect(answer.digest).toBe(digest);
    const again = await domain.upload(photo(FOODS), ben);
    expect(again).toMatchObject({ source: "memory", saved: null, digest });
    expect((await domain.ask(digest, eve)).match?.kind).toBe("digest");
    expect((await domain.ask(fingerprint, eve)).match?.kind).toBe("fingerprint");
    expect(domain.model.calls.get(`${FOODS}/0`)).toBe(1);
  });

  test("of a photo that only the database knows is answered from there, undecoded", async () => {
    await using domain = await openDomain();
    await domain.upload(photo(FOODS), ann);
    domain.memory.clear();
    expect((await domain.upload(photo(FOODS), ben)).source).toBe("sql");
    expect(domain.reader.glanced).toBe(1);
  });

  test("that comes while the photo is examined shares the examination", async () => {
    await using domain = await openDomain();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => domain.upload(photo(FOODS), ann)),
    );
    expect(answers.map(({ collapsed }) => collapsed)).toEqual([false, ...Array(19).fill(true)]);
    expect(new Set(answers.map(({ saved }) => saved))).toEqual(new Set(["stored", null]));
    expect(domain.model.calls.get(`${FOODS}/0`)).toBe(1);
    expect(domain.reader).toMatchObject({ glanced: 1, encoded: 1 });
  });

  test("that is no picture is refused, and refused again without a look at it", async () => {
    await using domain = await openDomain();
    const refused = { code: "corrupt_image" };
    expect(domain.upload(BROKEN_PHOTO, ann)).rejects.toMatchObject(refused);
    expect(domain.upload(BROKEN_PHOTO, ben, newDigest())).rejects.toMatchObject(refused);
    await domain.upload(BROKEN_PHOTO, ann).catch(() => undefined);
    expect(domain.upload(BROKEN_PHOTO, eve)).rejects.toMatchObject(refused);
    expect(domain.reader.glanced).toBe(1);
  });

  test("that no model can classify fails for all who wait, and is tried anew afterwards", async () => {
    await using domain = await openDomain();
    domain.model.failure = "server_error";
    const waiting = [1, 2, 3].map(() => domain.upload(photo(FOODS), ann));
    for (const outcome of await Promise.allSettled(waiting)) {
      const reason = { code: "classification_unavailable", retryAfterS: 5 };
      expect(outcome).toMatchObject({ status: "rejected", reason });
    }
    expect((await domain.ask(identify(photo(FOODS)).digest, ann)).match).toBeNull();
    domain.model.failure = null;
    expect((await domain.upload(photo(FOODS), ann)).source).toBe("model");
    expect(domain.model.calls.get(`${FOODS}/0`)).toBe(2);
  });

  test("whose answer is too unsure is answered and not kept", async () => {
    await using domain = await openDomain();
    domain.model.confidence = 0.29;
    const alias = newDigest();
    const answer = await domain.upload(photo(FOODS), ann, alias);
    expect(answer).toMatchObject({ source: "model", saved: null });
    expect((await domain.ask(answer.digest, ann)).match).toBeNull();
    expect((await domain.ask(alias, ann)).match).toBeNull();
  });

  test("is answered while the database is down, and the answer is journaled", async () => {
    await using domain = await openDomain();
    domain.outage.isDown = true;
    const alias = newDigest();
    expect(await domain.upload(photo(FOODS), ann, alias)).toMatchObject({ saved: "journaled" });
    expect(domain.journal.count()).toBe(2);
    expect((await domain.ask(alias, ann)).tier).toBe("memory");
    expect((await domain.upload(photo(FOODS), ben)).source).toBe("memory");
  });

  test("that the local model had to answer is provisional and waits for its upgrade", async () => {
    await using domain = await openDomain({ localModel: createLocalModel(petsWith(0.8)) });
    domain.model.failure = "timeout";
    const { classification, digest } = await domain.upload(photo(FOODS), ann);
    const answered = { category: "pets", method: "local_fallback", provisional: true };
    expect(classification).toMatchObject(answered);
    expect((await domain.ask(digest, ben)).match?.result.provisional).toBe(true);
    expect(domain.upgrades.take(1)[0]?.identity.digest).toBe(digest);
  });
});

describe("a claimed hash", () => {
  test("answers the caller who claimed it, and nobody else", async () => {
    await using domain = await openDomain();
    const alias = newDigest();
    await domain.upload(photo(FOODS), ann, alias);
    expect((await domain.ask(alias, ann)).match).toMatchObject({ kind: "own_alias" });
    for (const other of [ben, NOBODY]) expect((await domain.ask(alias, other)).match).toBeNull();
  });

  test("is corroborated by an alike copy without a model call, and answers everyone then", async () => {
    await using domain = await openDomain();
    const alias = newDigest();
    await domain.upload(photo(FOODS, 1), ann, alias);
    const corroborating = await domain.upload(photo(FOODS, 2), ben, alias);
    expect(corroborating).toMatchObject({ source: "alias", saved: null });
    expect(corroborating.classification.category).toBe("foods");
    expect(domain.model.calls.size).toBe(1);
    expect((await domain.ask(alias, eve)).match).toMatchObject({ kind: "shared_alias" });
  });

  test("is contradicted by another picture, which gets its own answer", async () => {
    await using domain = await openDomain();
    const alias = newDigest();
    await domain.upload(photo(FOODS, 1), ann, alias);
    await domain.upload(photo(FOODS, 2), ben, alias);
    expect((await domain.ask(alias, NOBODY)).match).not.toBeNull();
    const contradicting = await domain.upload(photo(IDCARD), eve, alias);
    expect(contradicting.classification.category).toBe(categoryOf(IDCARD));
    domain.time.now += A_WHILE_MS;
    expect((await domain.ask(alias, callerOf("somebody"))).match).toBeNull();
    expect((await domain.ask(alias, ann)).match?.result.category).toBe("foods");
    expect(domain.notes.of("claim contradicts")).toBe(1);
  });

  test("that is the true digest, or only a fingerprint, is no claim", async () => {
    await using domain = await openDomain();
    const { digest, fingerprint } = identify(photo(FOODS));
    await domain.upload(photo(FOODS), ann, digest);
    await domain.upload(photo(FOODS), ben, fingerprint);
    expect(domain.notes.of("claim first")).toBe(0);
  });

  test("that is somebody else's true digest never stands in for that photo", async () => {
    await using domain = await openDomain();
    const { digest } = identify(photo(FOODS));
    for (const attacker of [eve, callerOf("mallory")]) {
      await domain.upload(photo(IDCARD, 1), attacker, digest);
    }
    const answer = await domain.upload(photo(FOODS), ann);
    expect(answer).toMatchObject({ source: "model", digest });
    expect(answer.classification.category).toBe("foods");
    expect((await domain.ask(digest, ben)).match?.result.category).toBe("foods");
    expect((await domain.ask(digest, eve)).match?.result.category).toBe("foods");
  });

  test("that memory shares does not hide the photo's own result in the database", async () => {
    await using domain = await openDomain();
    const { digest } = identify(photo(FOODS));
    for (const attacker of [eve, callerOf("mallory")]) {
      await domain.upload(photo(IDCARD, 1), attacker, digest);
    }
    expect((await domain.ask(digest, ben)).match?.kind).toBe("shared_alias");
    const elsewhere = newResult({ ...identify(photo(FOODS)), category: "foods" });
    await domain.store.saveResults([elsewhere]);
    const answer = await domain.upload(photo(FOODS), ann);
    expect(answer).toMatchObject({ source: "sql", digest });
    expect(domain.model.calls.has(`${FOODS}/0`)).toBe(false);
  });

  test("is recorded for an upload that memory answered, once", async () => {
    await using domain = await openDomain();
    await domain.upload(photo(FOODS), ann);
    const alias = newDigest();
    await domain.upload(photo(FOODS), ben, alias);
    await domain.upload(photo(FOODS), ben, alias);
    expect(domain.notes.of("claim first")).toBe(1);
    expect(domain.notes.of("claim corroborates")).toBe(0);
    expect((await domain.ask(alias, ben)).match).not.toBeNull();
  });

  test("answers everyone at once with a quorum of one, and nobody where only digests count", async () => {
    const alias = newDigest();
    await using shared = await openDomain({ aliases: { ...ALIASES, quorum: 1 } });
    await shared.upload(photo(FOODS), ann, alias);
    expect((await shared.ask(alias, ben)).match).toMatchObject({ kind: "shared_alias" });
    await using verified = await openDomain({ aliases: null });
    await verified.upload(photo(FOODS), ann, alias);
    expect((await verified.ask(alias, ann)).match).toBeNull();
  });
});
