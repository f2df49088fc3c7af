import { z } from "zod";

/** One environment variable: how it is read, what it defaults to, what the operator is told. */
export interface Setting<Value> {
  schema: z.ZodType<Value, string>;
  /** The text that stands in when the variable is missing or empty; null: the setting is off. */
  fallback: string | null;
  /** What a value may be, completing "must be …". */
  allowed: string;
  about: string;
  /** Its value is never printed. */
  isSecret: boolean;
}

interface SettingText {
  about: string;
  fallback?: string | null;
}

function setting<Value>(
  schema: z.ZodType<Value, string>,
  allowed: string,
  { about, fallback = null }: SettingText,
  isSecret = false,
): Setting<Value> {
  return { schema, fallback, allowed, about, isSecret };
}

export function integer(min: number, max: number, text: SettingText) {
  const schema = z
    .string()
    .regex(/^[+-]?\d+$/)
    .transform(Number)
    .pipe(z.number().int().min(min).max(max));
  return setting(schema, `a whole number from ${min} to ${max}`, text);
}

export function decimal(min: number, max: number, text: SettingText) {
  const schema = z
    .string()
    .regex(/^[+-]?\d+(\.\d+)?$/)
    .transform(Number)
    .pipe(z.number().min(min).max(max));
  return setting(schema, `a number from ${min} to ${max}`, text);
}

export function oneOf<const Words extends readonly [string, ...string[]]>(
  words: Words,
  text: SettingText & { fallback?: Words[number] },
): Setting<Words[number]> {
  return setting(z.enum(words) as z.ZodType<Words[number], string>, words.join(", "), text);
}

export function flag(about: SettingText): Setting<boolean> {
  const schema = z.enum(["true", "false"]).transform((word) => word === "true");
  return setting(schema as z.ZodType<boolean, string>, "true or false", about);
}

export function text(about: SettingText, allowed = "any text", pattern = /^.+$/s) {
  return setting(z.string().regex(pattern), allowed, about);
}

export function secret(about: SettingText) {
  return setting(z.string(), "any text", about, true);
}

export function list(about: SettingText, allowed: string, item: RegExp) {
  const schema = z
    .string()
    .transform((words) => words.split(",").map((word) => word.trim()))
    .pipe(z.array(z.string().regex(item)).min(1));
  return setting(schema, allowed, about);
}

export function timeZone(about: SettingText & { fallback: string }) {
  const schema = z.string().refine((name) => {
    try {
      return Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
    } catch {
      return false;
    }
  });
  return setting(schema, "an IANA time zone such as Europe/Berlin", about);
}

/** An address with one of the schemes; secret where it may carry a password. */
export function address(schemes: readonly string[], about: SettingText, isSecret = false) {
  const schema = z.string().refine((value) => {
    const parsed = URL.parse(value);
    return (
      parsed !== null && parsed.hostname !== "" && schemes.includes(parsed.protocol.slice(0, -1))
    );
  });
  const forms = schemes.map((scheme) => `${scheme}://…`).join(" or ");
  return setting(schema, `an address ${forms}`, about, isSecret);
}
