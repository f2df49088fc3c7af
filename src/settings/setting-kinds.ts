import { z } from "zod";

/** One environment variable: how it is read, what it defaults to, what the operator is told. */
export interface Setting<Value, Fallback extends string | null = string | null> {
  schema: z.ZodType<Value, string>;
  /** The text that stands in when the variable is missing or empty; null: the setting is off. */
  fallback: Fallback;
  /** What a value may be, completing "must be …". */
  allowed: string;
  about: string;
  /** Its value is never printed. */
  isSecret: boolean;
}

interface SettingText {
  about: string;
  fallback?: string;
}

type FallbackOf<Text extends SettingText> = Text extends { fallback: string } ? string : null;

function setting<Value, Text extends SettingText>(
  schema: z.ZodType<Value, string>,
  allowed: string,
  { about, fallback }: Text,
  isSecret = false,
): Setting<Value, FallbackOf<Text>> {
  return {
    schema,
    fallback: (fallback ?? null) as FallbackOf<Text>,
    allowed,
    about,
    isSecret,
  };
}

export function integer<Text extends SettingText>(min: number, max: number, text: Text) {
  const schema = z
    .string()
    .regex(/^[+-]?\d+$/)
    .transform(Number)
    .pipe(z.number().int().min(min).max(max));
  return setting(schema, `a whole number from ${min} to ${max}`, text);
}

/** A whole number, or the word that lets the program choose. */
export function integerOr<const Word extends string, Text extends SettingText>(
  word: Word,
  min: number,
  max: number,
  text: Text,
) {
  const number = integer(min, max, text);
  const schema = z.union([z.literal(word) as z.ZodType<Word, string>, number.schema]);
  return setting(schema as z.ZodType<Word | number, string>, `${number.allowed}, or ${word}`, text);
}

export function decimal<Text extends SettingText>(min: number, max: number, text: Text) {
  const schema = z
    .string()
    .regex(/^[+-]?\d+(\.\d+)?$/)
    .transform(Number)
    .pipe(z.number().min(min).max(max));
  return setting(schema, `a number from ${min} to ${max}`, text);
}

export function oneOf<
  const Words extends readonly [string, ...string[]],
  Text extends SettingText & { fallback?: Words[number] },
>(words: Words, text: Text) {
  return setting(z.enum(words) as z.ZodType<Words[number], string>, words.join(", "), text);
}

export function flag<Text extends SettingText>(about: Text) {
  const schema = z.enum(["true", "false"]).transform((word) => word === "true");
  return setting(schema as z.ZodType<boolean, string>, "true or false", about);
}

export function text<Text extends SettingText>(
  about: Text,
  allowed = "any text",
  pattern = /^.+$/s,
) {
  return setting(z.string().regex(pattern), allowed, about);
}

export function secret<Text extends SettingText>(
  about: Text,
  allowed = "any text",
  pattern = /.*/s,
) {
  return setting(z.string().regex(pattern), allowed, about, true);
}

/** One or more items, separated by commas. */
function separated<Item>(item: z.ZodType<Item, string>) {
  return z
    .string()
    .transform((words) => words.split(",").map((word) => word.trim()))
    .pipe(z.array(item).min(1));
}

export function list<Text extends SettingText>(about: Text, allowed: string, item: RegExp) {
  return setting(separated(z.string().regex(item)), allowed, about);
}

export function timeZone<Text extends SettingText>(about: Text) {
  const schema = z.string().refine((name) => {
    try {
      return Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
    } catch {
      return false;
    }
  });
  return setting(schema, "an IANA time zone such as Europe/Berlin", about);
}

/** Addresses with one of the schemes, separated by commas; secret where they may carry passwords. */
export function addresses<Text extends SettingText>(
  schemes: readonly string[],
  about: Text,
  isSecret = false,
) {
  const one = address(schemes, about);
  const allowed = `${one.allowed}, or several, separated by commas`;
  return setting(separated(one.schema), allowed, about, isSecret);
}

/** An address with one of the schemes; secret where it may carry a password. */
export function address<Text extends SettingText>(
  schemes: readonly string[],
  about: Text,
  isSecret = false,
) {
  const schema = z.string().refine((value) => {
    const parsed = URL.parse(value);
    return (
      parsed !== null && parsed.hostname !== "" && schemes.includes(parsed.protocol.slice(0, -1))
    );
  });
  const forms = schemes.map((scheme) => `${scheme}://…`).join(" or ");
  return setting(schema, `an address ${forms}`, about, isSecret);
}
