/**
 * The CLAIM_BATCH body as nearly every game server sends it, read by hand like a CLAIM's (`claim-body.ts`): no actor, short
 * plain strings in their shortest form, no gaps among the users. Anything else goes the general way. The users stay bytes
 * where they lie; `next` passes from one to the next.
 *
 *     94 or 95   array of four or five
 *     c0         no actor
 *     a0…bf, d9  eventKey
 *     a0…bf, d9  batchId
 *     90…9f, dc  userIds: a0…bf, d9 each
 *     c0, 00…7f, cd   deadline in ms (when five)
 */
import { LIMITS } from '../../protocol/limits.ts';
import { hintOf } from '../journal/event-hint.ts';
import type { Foresight } from '../journal/foresight.ts';
import { BodyCursor, IN_KEY, IN_REQUEST_ID } from './body-cursor.ts';

const ARRAY16 = 0xdc;

export class BatchBody {
  eventKey = '';
  /** See `hintOf`. */
  eventHint = 0;
  batchId = '';
  claims = 0;
  deadlineMs: number | null = null;
  /** From the head of the MessagePack string of the user at hand to behind its last character. */
  userAt = 0;
  userEnd = 0;
  readonly #cursor = new BodyCursor();
  /** Where each user ends. */
  readonly #ends = new Uint32Array(LIMITS.batchClaimsMax);
  #place = 0;

  get bytes(): Uint8Array {
    return this.#cursor.bytes;
  }

  /** False when it must go the general way; the fields then mean nothing. */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    const cursor = this.#cursor;
    const fields = cursor.begin(bytes, start, end);
    if (fields === 0 || !cursor.passText(LIMITS.eventKeyLengthMax, IN_KEY)) return false;
    this.eventKey = cursor.text();
    this.eventHint = hintOf(bytes, cursor.textAt, cursor.at);
    if (!cursor.passText(LIMITS.batchIdLengthMax, IN_REQUEST_ID)) return false;
    this.batchId = cursor.text();
    this.claims = this.#readCount();
    if (this.claims < 1 || this.claims > LIMITS.batchClaimsMax) return false;
    this.userEnd = cursor.at;
    this.#place = 0;
    for (let i = 0; i < this.claims; i++) {
      if (!cursor.passText(LIMITS.userIdLengthMax, IN_KEY)) return false;
      this.#ends[i] = cursor.at;
    }
    const isRead = fields === 4 || cursor.passDeadline(LIMITS.deadlineMsMax);
    this.deadlineMs = fields === 4 ? null : cursor.deadlineMs;
    return isRead && cursor.at === end;
  }

  /** Passes to the next user. */
  next(): void {
    this.userAt = this.userEnd;
    this.userEnd = this.#ends[this.#place++] as number;
  }

  /** The next users, as many as fit: they are not passed. */
  foresee(foresight: Foresight): void {
    foresight.begin(this.bytes);
    let userAt = this.userEnd;
    for (let place = this.#place; place < this.claims; place++) {
      const userEnd = this.#ends[place] as number;
      if (!foresight.add(this.eventHint, userAt, userEnd, userEnd)) break;
      userAt = userEnd;
    }
    foresight.touch();
  }

  get userId(): string {
    return this.#cursor.textFrom(this.userAt, this.userEnd);
  }

  #readCount(): number {
    const cursor = this.#cursor;
    const head = cursor.bytes[cursor.at++] as number;
    if ((head & 0xf0) === 0x90) return head & 0x0f;
    if (head !== ARRAY16) return 0;
    cursor.at += 2;
    return ((cursor.bytes[cursor.at - 2] as number) << 8) | (cursor.bytes[cursor.at - 1] as number);
  }
}
