/** One request id from its first try to its last answer, and the words in which all doors report. */

/** What all answers about one claim must agree on; `grantedAt` in milliseconds since 1970-01-01 UTC. */
export type Won = { requestId: string; grantedAt: number; slot: number | null };

/** One answer. `code` is of the error table, or says why there was none. */
export type Said = {
  code: string;
  /** HTTP's status; null over TCP. */
  status: number | null;
  won: Won | null;
  /** How long to wait before the same question; null when it would not help. */
  retryAfterMs: number | null;
};

export type Attempt = {
  userId: string;
  requestId: string;
  /** Answers in the order in which they came; all but the last were followed by another try with the same id. */
  said: Said[];
};

export function finalOf({ said }: Attempt): Said {
  return said.at(-1) ?? { code: 'NO_ANSWER', status: null, won: null, retryAfterMs: null };
}

/** A retry may find that an earlier try, whose answer was lost, had been granted. */
export function hasWon(attempt: Attempt): boolean {
  const { code } = finalOf(attempt);
  return code === 'GRANTED' || (code === 'REPLAYED' && attempt.said.length > 1);
}
