/** What to say of something that was thrown: its message, which is all that a line of a log or a state needs. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The same where it must be one line: native modules say more. */
export function reasonLineOf(thrown: unknown): string {
  return reasonOf(thrown).split('\n')[0] ?? '';
}
