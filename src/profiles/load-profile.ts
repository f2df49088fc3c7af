import { z } from "zod";
import { createProfile, DEFAULT_PROFILE, type Profile } from "../classification/profile.ts";

const keySchema = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,62}$/, "must be lower-case letters, digits and _, at most 63");

const categorySchema = z.strictObject({
  key: keySchema,
  names: z
    .record(z.string(), z.string().min(1).max(100))
    .refine((names) => Object.keys(names).every(isLanguageTag), "must be by BCP 47 tags such as en")
    .default({}),
  meaning: z.string().min(1).max(500),
  examples: z.array(z.string().min(1).max(200)).max(10).exactOptional(),
  localLabels: z.array(z.string()).exactOptional(),
});

const profileSchema = z
  .strictObject({
    categories: z.array(categorySchema).min(2).max(100),
    prompt: z
      .string()
      .max(20_000)
      .refine((prompt) => prompt.includes("{categories}"), "must contain {categories}")
      .default(DEFAULT_PROFILE.prompt),
    language: z
      .string()
      .refine(isLanguageTag, "must be a BCP 47 tag such as en or zh-Hant")
      .default(DEFAULT_PROFILE.language),
  })
  .refine(
    ({ categories }) => new Set(categories.map(({ key }) => key)).size === categories.length,
    {
      path: ["categories"],
      message: "must have different keys",
    },
  );

/** A profile file that cannot be used; one readable line per mistake. */
export class ProfileError extends Error {
  override readonly name = "ProfileError";
}

/** The operator's profile (docs/profiles.md); the default one when no file is named. */
export async function loadProfile(file: string | null): Promise<Profile> {
  if (file === null) return DEFAULT_PROFILE;
  let json: unknown;
  try {
    json = await Bun.file(file).json();
  } catch (cause) {
    const message = `PROFILE_FILE=${JSON.stringify(file)}: must be a readable JSON file`;
    throw new ProfileError(message, { cause });
  }
  const parsed = profileSchema.safeParse(json);
  if (!parsed.success) {
    const lines = parsed.error.issues.map(
      ({ path, message }) => `${file}: ${path.join(".") || "the whole"}: ${message}`,
    );
    throw new ProfileError(lines.join("\n"));
  }
  return createProfile(parsed.data);
}

function isLanguageTag(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}
