/** What the main thread asks of the projecting one, and the one answer to each. */
import type { Conflict } from '../journal.ts';

export type Question =
  /** Read the next blocks, from `from` to at most `until`. */
  | { kind: 'prepare'; from: number; until: number; claimsMax: number }
  /** Write what was read, as one transaction; `at` is now. Asked in a turn. */
  | { kind: 'write'; at: number }
  /** Write the next part of what keeps the index small. Asked in a turn. */
  | { kind: 'compact' }
  /** Close the files until the next write. */
  | { kind: 'release' };

export type Advanced = { mark: number; claims: number; conflicts: Conflict[] };

/** `compact` is answered with whether there was anything to do. */
export type Answer = { prepare: null; write: Advanced; compact: boolean; release: null };

export type Asked = { number: number; question: Question } | 'end';
export type Answered = { number: number; answer: Answer[Question['kind']] } | { number: number; error: string };
