/**
 * The CLAIM body as nearly every game server sends it, read by hand: no actor, short plain strings in their shortest
 * form, no deadline or a small one. Anything else is not read and goes the general way, which alone decides what is
 * refused and why. So this may accept less than the general way, never more: the test beside it holds the two against
 * each other.
 *
 *     94 or 95   array of four or five
 *     c0         no actor
 *     a0…bf, d9  eventKey
 *     a0…bf, d9  userId
 *     a0…bf, d9  requestId, or c0
 *     c0, 00…7f, cd   deadline in ms (when five)
 */
import { LIMITS } from '../../protocol/limits.ts';
import { HINTS, hintOf } from '../journal/event-hint.ts';
import { BodyCursor, IN_KEY, IN_REQUEST_ID } from './body-cursor.ts';

/** One body at a time: reading the next overwrites it. Strings are made only when asked for. */
export class ClaimBody {
  eventKey = '';
  /** See `hintOf`. */
  eventHint = 0;
  /** From the head of the MessagePack string to behind its last character. */
  userAt = 0;
  userEnd = 0;
  requestAt = 0;
  requestEnd = 0;
  hasRequestId = false;
  deadlineMs: number | null = null;
  readonly #cursor = new BodyCursor();
  /** By hint. Most claims of a moment are for few events: their keys are compared with the bytes rather than made again. */
  readonly #keys = new Array<string>(HINTS).fill('');

  get bytes(): Uint8Array {
    return this.#cursor.bytes;
  }

  get userId(): string {
    return this.#cursor.textFrom(this.userAt, this.userEnd);
  }

  /** Null when the server is to make one. */
  get requestId(): string | null {
    return this.hasRequestId ? this.#cursor.textFrom(this.requestAt, this.requestEnd) : null;
  }

  /** False when it must go the general way; the fields then mean nothing. */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    const cursor = this.#cursor;
    const fields = cursor.begin(bytes, start, end);
    if (fields === 0 || !cursor.passText(LIMITS.eventKeyLengthMax, IN_KEY)) return false;
    this.#knowEvent();
    if (!cursor.passText(LIMITS.userIdLengthMax, IN_KEY)) return false;
    this.userAt = cursor.textAt;
    this.userEnd = cursor.at;
    this.requestAt = cursor.at;
    this.hasRequestId = !cursor.passNil();
    if (this.hasRequestId && !cursor.passText(LIMITS.requestIdLengthMax, IN_REQUEST_ID)) return false;
    this.requestEnd = cursor.at;
    const isRead = fields === 4 || cursor.passDeadline(LIMITS.deadlineMsMax);
    this.deadlineMs = fields === 4 ? null : cursor.deadlineMs;
    return isRead && cursor.at === end;
  }

  #knowEvent(): void {
    const cursor = this.#cursor;
    this.eventHint = hintOf(cursor.bytes, cursor.textAt, cursor.at);
    if (cursor.isText(this.eventKey)) return;
    let key = this.#keys[this.eventHint] as string;
    if (!cursor.isText(key)) {
      key = cursor.text();
      this.#keys[this.eventHint] = key;
    }
    this.eventKey = key;
  }
}
