/** A header value such as `form-data; name="a"`. */
export interface ParameterizedValue {
  /** In lower case. */
  value: string;
  /** By name in lower case, unquoted and otherwise as they came. */
  parameters: ReadonlyMap<string, string>;
}

// RFC 9110, 5.6: a token, or a string in quotes in which a backslash escapes.
const VALUE = /^[ \t]*([!#$%&'*+.^_`|~\w/-]+)[ \t]*/;
// A semicolon with nothing behind it is what some clients end the list with.
const PARAMETER =
  /;[ \t]*(?:([!#$%&'*+.^_`|~\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s"(),;<>@[\\\]]+)))?[ \t]*/y;

/** Reads a header value with its parameters; null where it is none, or names a parameter twice. */
export function parseParameters(header: string): ParameterizedValue | null {
  const start = VALUE.exec(header);
  if (!start) return null;
  const parameters = new Map<string, string>();
  let at = start[0].length;
  while (at < header.length) {
    PARAMETER.lastIndex = at;
    const found = PARAMETER.exec(header);
    if (!found) return null;
    const [whole, name, quoted, token] = found;
    at += whole.length;
    if (name === undefined) continue;
    const key = name.toLowerCase();
    if (parameters.has(key)) return null;
    // Of escapes only those that are needed: old browsers send paths with bare backslashes.
    parameters.set(key, token ?? quoted!.replace(/\\(["\\])/g, "$1"));
  }
  return { value: start[1]!.toLowerCase(), parameters };
}
