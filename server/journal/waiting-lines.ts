/**
 * Those who wait for one block, a line each. Columns instead of objects, because there are thousands in a block, and columns
 * that later blocks use again, because growing them anew for each was a tenth of the time of a claim.
 */
import type { ClaimedCode, Receiver } from './receiver.ts';

/** What a line waits to be told. */
export const LINE_CODES = ['GRANTED', 'REPLAYED', 'ALREADY_CLAIMED', 'SOLD_OUT'] as const satisfies readonly (
  | ClaimedCode
  | 'SOLD_OUT'
)[];
export type LineCode = (typeof LINE_CODES)[number];

const FIRST_LINES = 1_024;
/** What is longer is left to the garbage collector rather than kept for a crowd that may not come back. */
const KEPT_LINES_MAX = 65_536;
const SPARES_MAX = 4;

export class WaitingLines {
  count = 0;
  #receivers: (Receiver | null)[] = new Array<Receiver | null>(FIRST_LINES).fill(null);
  #numbers = new Uint32Array(FIRST_LINES);
  #codes = new Uint8Array(FIRST_LINES);
  #indexes = new Int32Array(FIRST_LINES);
  #deadlines = new Float64Array(FIRST_LINES);

  get capacity(): number {
    return this.#numbers.length;
  }

  /** `index` is the byte of the ring at which the claim of the line lies. */
  add(receiver: Receiver, number: number, code: LineCode, index: number, deadlineAt: number): void {
    const line = this.count++;
    if (line === this.#numbers.length) this.#lengthen();
    this.#receivers[line] = receiver;
    this.#numbers[line] = number;
    this.#codes[line] = LINE_CODES.indexOf(code);
    this.#indexes[line] = index;
    this.#deadlines[line] = deadlineAt;
  }

  /** Null once it has been answered. */
  receiver(line: number): Receiver | null {
    return this.#receivers[line] as Receiver | null;
  }

  number(line: number): number {
    return this.#numbers[line] as number;
  }

  code(line: number): LineCode {
    return LINE_CODES[this.#codes[line] as number] as LineCode;
  }

  index(line: number): number {
    return this.#indexes[line] as number;
  }

  deadlineAt(line: number): number {
    return this.#deadlines[line] as number;
  }

  /** It has been answered, or is about to be. */
  done(line: number): void {
    this.#receivers[line] = null;
  }

  clear(): void {
    this.#receivers.fill(null, 0, this.count);
    this.count = 0;
  }

  #lengthen(): void {
    const lines = this.#numbers.length * 2;
    for (let line = this.#numbers.length; line < lines; line++) this.#receivers.push(null);
    this.#numbers = copied(new Uint32Array(lines), this.#numbers);
    this.#codes = copied(new Uint8Array(lines), this.#codes);
    this.#indexes = copied(new Int32Array(lines), this.#indexes);
    this.#deadlines = copied(new Float64Array(lines), this.#deadlines);
  }
}

/** Lines of blocks that are over, for the next. */
export class SpareLines {
  readonly #spares: WaitingLines[] = [];

  take(): WaitingLines {
    return this.#spares.pop() ?? new WaitingLines();
  }

  give(lines: WaitingLines): void {
    lines.clear();
    if (this.#spares.length < SPARES_MAX && lines.capacity <= KEPT_LINES_MAX) this.#spares.push(lines);
  }
}

function copied<T extends { set(from: T): void }>(to: T, from: T): T {
  to.set(from);
  return to;
}
