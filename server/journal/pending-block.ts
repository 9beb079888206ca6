/**
 * One block from its first claim to its outcome, with everybody who waits for it: those it grants, and those whose answer
 * is only true once it is durable.
 */
import type { Entry } from './entries.ts';
import type { WaitingLines } from './waiting-lines.ts';

export class PendingBlock {
  readonly offset: number;
  readonly sequence: number;
  /** Byte of the ring at which it starts. */
  readonly start: number;
  /** The log's head and checksum before it: to go back to when it is not written after all. */
  readonly headBefore: number;
  readonly previousCrc: number;
  readonly firstAttempt: number;
  readonly lines: WaitingLines;
  /** What its claims were decided by; each must hold until it is written. */
  readonly entries: Entry[] = [];
  /** For each of them where the claims of its window ended before. */
  readonly windowHeads: number[] = [];
  readonly whenOver: (() => void)[] = [];
  /** Null while it is being built. */
  bytes: Buffer | null = null;
  sentAt = 0;
  claims = 0;

  constructor(
    at: Pick<PendingBlock, 'offset' | 'sequence' | 'start' | 'headBefore' | 'previousCrc' | 'firstAttempt' | 'lines'>,
  ) {
    this.offset = at.offset;
    this.sequence = at.sequence;
    this.start = at.start;
    this.headBefore = at.headBefore;
    this.previousCrc = at.previousCrc;
    this.firstAttempt = at.firstAttempt;
    this.lines = at.lines;
  }

  /** Before the first claim of an entry. */
  describe(entry: Entry): void {
    entry.describedIn = this.sequence;
    this.entries.push(entry);
    this.windowHeads.push(entry.window.head);
  }

  /** As if nothing of it had been decided; newer blocks first. */
  undo(): void {
    for (let i = this.entries.length - 1; i >= 0; i--) {
      const entry = this.entries[i] as Entry;
      entry.describedIn = 0;
      entry.window.head = this.windowHeads[i] as number;
    }
  }
}
