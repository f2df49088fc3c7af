/** Names of errors whose message alone tells an operator what to mend. */
const OPERATORS_ERRORS = new Set([
  "AdminTokenError",
  "ConfigError",
  "DatabaseError",
  "JournalError",
  "ListenError",
  "ModelLoadError",
  "ProfileError",
]);

/** One readable line per mistake of the operator's; a stack only for what is a mistake of ours. */
export function explain(error: unknown): void {
  const isExpected = error instanceof Error && OPERATORS_ERRORS.has(error.name);
  const message =
    error instanceof Error ? (isExpected ? error.message : error.stack) : String(error);
  process.stderr.write(`onceover cannot start:\n${message}\n`);
}
