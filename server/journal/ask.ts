/**
 * The claim at hand, as bytes: the user and the request id as MessagePack strings, each in its shortest form. One object
 * is filled again and again, because it lives no longer than one call.
 */
import { textBytes, writeText, writeTextHead } from '../store/block/claim-text.ts';

const ID_LENGTH_MAX = 128;
const LONG_HEAD_BYTES = 2;
const ZERO = 0x30;

export class Ask {
  /** See `hintOf`. */
  eventHint = 0;
  bytes: Uint8Array = Buffer.alloc(0);
  userAt = 0;
  userEnd = 0;
  requestBytes: Uint8Array = this.bytes;
  requestAt = 0;
  requestEnd = 0;
  /** The server made the request id itself, so nobody can have used it before. */
  isRequestIdFresh = false;
  /** Of a batch whose id nobody has used. */
  isBatchFresh = false;
  deadlineAt = 0;
  /** When it is decided, by the monotonic clock and by the store's. */
  monotonicMs = 0;
  nowMs = 0;
  #batchId = '';
  readonly #scratch = Buffer.alloc(2 * textBytes(ID_LENGTH_MAX));

  /** The claims of a batch, whose users are in `bytes` and whose request ids are `batchId.0`, `batchId.1`, … */
  beginBatch(bytes: Uint8Array, batchId: string): void {
    this.bytes = bytes;
    this.requestBytes = this.#scratch;
    this.requestAt = 0;
    this.isRequestIdFresh = false;
    this.isBatchFresh = false;
    this.#batchId = batchId;
    // Behind the longest head, so that the head can be written in front whatever its length.
    this.#scratch.write(`${batchId}.`, LONG_HEAD_BYTES, 'latin1');
  }

  nextOfBatch(userAt: number, userEnd: number, number: number): void {
    this.userAt = userAt;
    this.userEnd = userEnd;
    const scratch = this.#scratch;
    const prefixLength = this.#batchId.length + 1;
    let digits = 1;
    for (let rest = number; rest >= 10; rest = (rest / 10) | 0) digits++;
    this.requestEnd = LONG_HEAD_BYTES + prefixLength + digits;
    for (let at = this.requestEnd - 1, rest = number; digits > 0; digits--, rest = (rest / 10) | 0) {
      scratch[at--] = ZERO + (rest % 10);
    }
    const length = this.requestEnd - LONG_HEAD_BYTES;
    const headBytes = textBytes(length) - length;
    this.requestAt = LONG_HEAD_BYTES - headBytes;
    writeTextHead(scratch, this.requestAt, length);
  }

  /** From strings that were judged; the bytes hold until the next call. */
  write(userId: string, requestId: string): this {
    const scratch = this.#scratch;
    this.bytes = scratch;
    this.requestBytes = scratch;
    this.userAt = 0;
    this.isBatchFresh = false;
    this.userEnd = writeText(scratch, 0, userId);
    this.requestAt = this.userEnd;
    this.requestEnd = writeText(scratch, this.requestAt, requestId);
    return this;
  }
}
