/** What the main thread asks of the projecting one, and the one answer to each. */
import type { Conflict } from '../journal.ts';

export type Question =
  /** Read the next blocks, from `from` to at most `until`. */
  | { kind: 'prepare'; from: number; until: number; claimsMax: number }
  /** Write what was read, as one transaction; `at` is now. Asked in a turn. */
  | { kind: 'write'; at: number }
  /** Close the files until the next write. */
  | { kind: 'release' };

export type Advanced = { mark: number; claims: number; conflicts: Conflict[] };

export type Asked = { number: number; question: Question } | 'end';
export type Answered = { number: number; advanced: Advanced | null } | { number: number; error: string };
