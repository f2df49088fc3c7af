import { type Config, parseConfig } from "../../src/config.ts";
import { SETTINGS } from "../../src/settings.ts";

/** Read by the runtime and by libraries, not by us. */
const NOT_OURS = new Set(["NODE_ENV"]);

/**
 * The configuration that a deployment file's variables make. Throws for a variable that is no setting,
 * for a value that is refused, and for a secret, which belongs into no file that is shared.
 */
export function readSettings(
  variables: Readonly<Record<string, string>>,
  { mayHoldSecrets = false } = {},
): Config {
  const settings: Record<string, { isSecret: boolean }> = SETTINGS;
  for (const name of Object.keys(variables)) {
    if (NOT_OURS.has(name)) continue;
    const setting = settings[name];
    if (!setting) throw new Error(`${name} is no setting`);
    if (setting.isSecret && !mayHoldSecrets) throw new Error(`${name} is a secret`);
  }
  return parseConfig({ ...variables });
}
