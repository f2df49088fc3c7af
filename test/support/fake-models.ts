import type { PictureHash } from "../../src/classification/picture-hash.ts";
import type {
  LanguageModel,
  LanguageModelFailure,
} from "../../src/classification/ports/language-model.ts";
import type {
  LocalModel,
  LocalModelAnswer,
  LocalModelFailure,
} from "../../src/classification/ports/local-model.ts";
import type { Outcome } from "../../src/classification/ports/outcome.ts";
import type { PictureReader } from "../../src/classification/ports/picture-reader.ts";
import type { Thumbnail } from "../../src/classification/thumbnail.ts";
import { DEFAULT_PROFILE } from "../../src/classification/profile.ts";

/** Difference hashes at least 32 bits apart: pictures of different families never look alike. */
const FAMILIES = [0x00, 0xff, 0x0f, 0xf0, 0x33, 0xcc, 0x55, 0xaa].map((byte) =>
  BigInt(`0x${byte.toString(16).padStart(2, "0").repeat(8)}`),
);

/** Bytes that stand for a picture: copies of one family look alike and have digests of their own. */
export function photo(family: number, copy = 0): Uint8Array {
  return new TextEncoder().encode(`photo ${family} ${copy}`);
}

export const BROKEN_PHOTO = new TextEncoder().encode("no photo at all");

/** What models answer for a family. */
export function categoryOf(family: number): string {
  const { categories } = DEFAULT_PROFILE;
  return categories[family % categories.length]!.key;
}

/** Copies differ from their family in up to two bits, so any two copies in up to four. */
export function pictureHashOf(family: number, copy = 0): PictureHash {
  const flipped = BigInt(copy % 3) << BigInt(copy % 60);
  return (FAMILIES[family]! ^ flipped).toString(16).padStart(16, "0") as PictureHash;
}

function parsePhoto(bytes: Uint8Array): { family: number; copy: number } | null {
  const [, family, copy] = /^photo (\d+) (\d+)$/.exec(new TextDecoder().decode(bytes)) ?? [];
  return family === undefined ? null : { family: Number(family), copy: Number(copy) };
}

/** Fake models tell photos apart by their bytes. */
export const THUMBNAIL: Thumbnail = {
  shape: { width: 0, height: 0, kernel: "nearest" },
  pixels: new Uint8Array(),
};

/** Reads `photo`s; anything else is corrupt. The JPEG of a photo is the upload itself. */
export function createFakeReader(): PictureReader & { glanced: number; encoded: number } {
  const corrupt = { ok: false, reason: "corrupt", detail: "not a photo" } as const;
  return {
    glanced: 0,
    encoded: 0,
    async glance(bytes) {
      this.glanced++;
      const found = parsePhoto(bytes);
      if (!found) return corrupt;
      const pictureHash = pictureHashOf(found.family, found.copy);
      return { ok: true, value: { pictureHash, thumbnail: THUMBNAIL } };
    },
    async encode(bytes) {
      this.encoded++;
      return parsePhoto(bytes) ? { ok: true, value: bytes } : corrupt;
    },
  };
}

/** Who answered and what it took. */
const GIVEN = {
  provider: "fake",
  model: "fake-vision",
  usage: { inputTokens: 850, outputTokens: 40 },
  costMicros: 1_000,
};

export interface ScriptedModel extends LanguageModel {
  /** Calls by photo, as `family/copy`. */
  readonly calls: Map<string, number>;
  readonly deadlines: number[];
  failure: LanguageModelFailure | null;
  /** Calls that would start at once; 0: callers wait for their turn. */
  freeSlots: number;
  confidence: number;
}

/** Answers each family with its category, or fails as told. */
export function createScriptedModel(): ScriptedModel {
  return {
    calls: new Map(),
    deadlines: [],
    failure: null,
    freeSlots: 100,
    confidence: 0.9,
    async classify({ jpeg }, _profile, deadlineAt) {
      const { family, copy } = parsePhoto(jpeg)!;
      const name = `${family}/${copy}`;
      this.calls.set(name, (this.calls.get(name) ?? 0) + 1);
      this.deadlines.push(deadlineAt);
      if (this.failure) return { ok: false, reason: this.failure, detail: "as told" };
      const category = categoryOf(family);
      const { confidence } = this;
      const answer = { category, confidence, description: `a ${category}` };
      return { ok: true, value: { ...answer, ...GIVEN } };
    },
    isAvailable() {
      return this.failure !== "circuit_open";
    },
    spareCapacity() {
      return this.failure === "circuit_open" ? 0 : this.freeSlots;
    },
  };
}

/** A local model that knows the default categories as labels of the same name. */
export function createLocalModel(
  answer: () => Outcome<LocalModelAnswer, LocalModelFailure>,
  unsure = 0.5,
): LocalModel & { calls: number } {
  const categories = Object.fromEntries(DEFAULT_PROFILE.categories.map(({ key }) => [key, key]));
  return {
    calls: 0,
    card: { name: "tiny", version: "1", categories, unsure },
    thumbnailShape: null,
    async classify() {
      this.calls++;
      return answer();
    },
    isAvailable: () => true,
  };
}

/** Sure, by this much, that the picture shows pets. */
export function petsWith(probability: number): () => Outcome<LocalModelAnswer, never> {
  const rest = (1 - probability) / 3;
  const labels = { pets: probability, foods: rest, idcard: rest, other: rest };
  return () => ({ ok: true, value: { labels } });
}
