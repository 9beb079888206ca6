/**
 * Builds one block in place: in a buffer that holds the newest part of the log, at the place where the block will lie.
 * It knows neither rules nor disks. What is in the buffer before `begin` is overwritten, padding included.
 */
import { crc32 } from 'node:zlib';
import { copyWords, LastView, viewOf } from '../../lib/words.ts';
import { ALIGN_BYTES, AT, aligned, CLAIM_AT, ITEM, ITEM_AT, KIND, MAGIC, SERIES_AT, VERSION } from './layout.ts';

export type BlockHead = {
  /** `node.boot` of the writer. */
  origin: string;
  /** 1 for the first block of a boot, then one more each. */
  sequence: number;
  /** Where it lies in the log, in bytes. */
  offset: number;
  /** The attempt number of its first claim; the others count on. */
  firstAttempt: number;
  /** The checksum of the block before, 0 for the first of a boot. */
  previous: number;
};

const CRC_AT = AT.crc;
const INT64 = 0xd3;
const TWO_32 = 0x1_0000_0000;

export class BlockWriter {
  readonly #buffer: Buffer;
  readonly #view: DataView;
  readonly #users = new LastView();
  readonly #requests = new LastView();
  #start = 0;
  #at = 0;
  #claims = 0;
  #first = 0;
  #grantedAt = 0;
  #grantedHigh = 0;
  #grantedLow = 0;

  /** `buffer` is the caller's; blocks are written into it wherever `begin` says. */
  constructor(buffer: Buffer) {
    this.#buffer = buffer;
    this.#view = viewOf(buffer);
  }

  /** Bytes of the block so far. */
  get bytes(): number {
    return this.#at - this.#start;
  }

  get claims(): number {
    return this.#claims;
  }

  get firstAttempt(): number {
    return this.#first;
  }

  /** Starts a block at byte `start` of the buffer. */
  begin(start: number, { origin, sequence, offset, firstAttempt, previous }: BlockHead): void {
    const buffer = this.#buffer;
    this.#start = start;
    this.#claims = 0;
    this.#first = firstAttempt;
    this.#at = start + aligned(AT.origin + origin.length);
    buffer.fill(0, start, this.#at);
    buffer.writeUInt32BE(MAGIC, start);
    buffer[start + AT.version] = VERSION;
    buffer.writeUInt16BE(origin.length, start + AT.originBytes);
    writeWide(buffer, start + AT.sequence, sequence);
    writeWide(buffer, start + AT.offset, offset);
    writeWide(buffer, start + AT.firstAttempt, firstAttempt);
    buffer.writeUInt32BE(previous, start + AT.previous);
    buffer.write(origin, start + AT.origin, 'latin1');
  }

  /** Says what the claims of series `id` have in common; must come before the first of them in each block. */
  addSeries(id: number, body: Uint8Array): void {
    const at = this.#beginItem(ITEM.series, id, SERIES_AT.body + body.length);
    this.#buffer.writeUInt16BE(body.length, at + SERIES_AT.bytes);
    this.#buffer.set(body, at + SERIES_AT.body);
  }

  /**
   * Adds a claim and returns the byte of the block at which it lies. `userId` and `requestId` are the MessagePack
   * strings, header included, between the given bytes of `source`.
   */
  addClaim(
    series: number,
    slot: number,
    grantedAt: number,
    source: Uint8Array,
    userAt: number,
    userEnd: number,
    requestSource: Uint8Array,
    requestAt: number,
    requestEnd: number,
  ): number {
    const view = this.#view;
    const userBytes = userEnd - userAt;
    const at = this.#beginItem(ITEM.claim, series, CLAIM_AT.userId + userBytes + requestEnd - requestAt);
    view.setUint32(at + CLAIM_AT.slot, slot);
    if (grantedAt !== this.#grantedAt) this.#setGrantedAt(grantedAt);
    view.setUint8(at + CLAIM_AT.grantedAt, INT64);
    view.setUint32(at + CLAIM_AT.grantedAt + 1, this.#grantedHigh);
    view.setUint32(at + CLAIM_AT.grantedAt + 5, this.#grantedLow);
    const to = copyWords(view, at + CLAIM_AT.userId, this.#users.of(source), userAt, userEnd);
    copyWords(view, to, this.#requests.of(requestSource), requestAt, requestEnd);
    this.#claims++;
    return at - this.#start;
  }

  /** Finishes the block. The returned bytes lie in the caller's buffer. */
  end(closedAt: number): Buffer {
    const buffer = this.#buffer;
    const start = this.#start;
    const block = buffer.subarray(start, this.#at);
    buffer[start + AT.kind] = this.#claims === 0 ? KIND.mark : KIND.claims;
    buffer.writeUInt32BE(block.length, start + AT.bytes);
    writeWide(buffer, start + AT.closedAt, closedAt);
    buffer.writeUInt32BE(this.#claims, start + AT.claims);
    buffer.writeUInt32BE(0, start + CRC_AT);
    buffer.writeUInt32BE(crc32(block), start + CRC_AT);
    return block;
  }

  #beginItem(type: number, series: number, bytes: number): number {
    const view = this.#view;
    const at = this.#at;
    const whole = aligned(bytes);
    // Only the last bytes are padding, and whatever lay there before must not get into a checksum.
    view.setUint32(at + whole - ALIGN_BYTES, 0);
    view.setUint32(at + whole - ALIGN_BYTES / 2, 0);
    view.setUint16(at + ITEM_AT.bytes, whole);
    view.setUint8(at + ITEM_AT.type, type);
    view.setUint8(at + ITEM_AT.type + 1, 0);
    view.setUint32(at + ITEM_AT.series, series);
    this.#at = at + whole;
    return at;
  }

  /** Most claims of a moment are of the same millisecond, and to halve it is a division. */
  #setGrantedAt(grantedAt: number): void {
    this.#grantedAt = grantedAt;
    this.#grantedHigh = Math.floor(grantedAt / TWO_32);
    this.#grantedLow = grantedAt % TWO_32;
  }
}

function writeWide(buffer: Buffer, at: number, value: number): void {
  buffer.writeUInt32BE(Math.floor(value / TWO_32), at);
  buffer.writeUInt32BE(value % TWO_32, at + 4);
}
