/**
 * One block from its first claim to its outcome, with everybody who waits for it: those it grants, and those whose answer
 * is only true once it is durable. Columns instead of objects, because there are thousands of lines in each.
 */
import type { Entry } from './entries.ts';
import type { ClaimedCode, Receiver } from './receiver.ts';

/** What a line waits to be told. */
export type LineCode = ClaimedCode | 'SOLD_OUT';

export class PendingBlock {
  readonly offset: number;
  readonly sequence: number;
  /** Byte of the ring at which it starts. */
  readonly start: number;
  /** The log's head and checksum before it: to go back to when it is not written after all. */
  readonly headBefore: number;
  readonly previousCrc: number;
  readonly firstAttempt: number;
  /** What its claims were decided by; each must hold until it is written. */
  readonly entries: Entry[] = [];
  readonly receivers: (Receiver | null)[] = [];
  readonly numbers: number[] = [];
  readonly codes: LineCode[] = [];
  /** Byte of the ring at which the claim of the line lies. */
  readonly indexes: number[] = [];
  readonly deadlines: number[] = [];
  readonly whenOver: (() => void)[] = [];
  /** Null while it is being built. */
  bytes: Buffer | null = null;
  sentAt = 0;
  claims = 0;

  constructor(at: Pick<PendingBlock, 'offset' | 'sequence' | 'start' | 'headBefore' | 'previousCrc' | 'firstAttempt'>) {
    this.offset = at.offset;
    this.sequence = at.sequence;
    this.start = at.start;
    this.headBefore = at.headBefore;
    this.previousCrc = at.previousCrc;
    this.firstAttempt = at.firstAttempt;
  }

  wait(receiver: Receiver, number: number, code: LineCode, index: number, deadlineAt: number): void {
    this.receivers.push(receiver);
    this.numbers.push(number);
    this.codes.push(code);
    this.indexes.push(index);
    this.deadlines.push(deadlineAt);
  }
  /** Everybody who waited has been told. */
  over(): void {
    for (const tell of this.whenOver) tell();
  }
}
