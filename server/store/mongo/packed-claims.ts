/**
 * Drafts as the bytes of their documents, written by hand: what the claims of one event have in common is encoded once and
 * copied, and no object is made for the driver's serializer, which would take longer than everything else that claimd does
 * for a claim. Invariant: the bytes are those that `BSON.serialize(documentOfClaim(…))` gives; whatever is not as in nearly
 * every draft (text beyond ASCII, a delivery under way) goes through exactly that.
 */
import { BSON } from 'mongodb';
import type { ClaimDraft } from '../store.ts';
import { documentOfClaim } from './schema.ts';

/** `count` BSON documents, one behind the other. */
export type Packed = { readonly count: number; readonly bytes: Uint8Array };

/** With `firstSlot` the drafts get slots from there on, in their order; null gives none. */
export function packedClaims(drafts: readonly ClaimDraft[], firstSlot: number | null): Packed {
  const writer = new ClaimWriter(drafts.length);
  for (const [i, draft] of drafts.entries()) writer.add(draft, firstSlot === null ? null : firstSlot + i);
  return { count: drafts.length, bytes: writer.bytes() };
}

const TYPE = { string: 0x02, date: 0x09, null: 0x0a, int32: 0x10 } as const;
const NAME = {
  id: elementName('_id'),
  userId: elementName('userId'),
  requestId: elementName('requestId'),
  grantedAt: elementName('grantedAt'),
  slot: elementName('slot'),
  attempt: elementName('attempt'),
};
const INT32_MAX = 0x7fff_ffff;
const HIGH_WORD = 0x1_0000_0000;
const ASCII_MAX = 0x7f;
/** Of the fields that each claim has for itself: types, names, lengths, and all but the text. */
const FIXED_BYTES = 128;
const DRAFT_BYTES_USUAL = 512;

/** Elements that the claims of an event and period share, as bytes, in the order of the document. */
type Shared = {
  readonly like: ClaimDraft;
  /** eventKey, period */
  readonly series: Uint8Array;
  /** configVersion */
  readonly version: Uint8Array;
  /** rewards, delivery */
  readonly rest: Uint8Array;
};

class ClaimWriter {
  #buffer: Buffer;
  #at = 0;
  #shared: Shared | null = null;

  constructor(count: number) {
    this.#buffer = Buffer.allocUnsafe(count * DRAFT_BYTES_USUAL);
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#at);
  }

  add(draft: ClaimDraft, slot: number | null): void {
    const start = this.#at;
    if (isUsual(draft, slot) && this.#write(draft, slot)) return;
    this.#at = start;
    const document = BSON.serialize(documentOfClaim(draft, slot));
    this.#reserve(document.length);
    this.#copy(document);
  }

  /** False when a text is not ASCII; what was written of the document is then to be forgotten. */
  #write(draft: ClaimDraft, slot: number | null): boolean {
    const shared = this.#sharedOf(draft);
    const { claimKey, userId, requestId, attempt } = draft;
    const textLength = claimKey.length + userId.length + requestId.length + attempt.length;
    this.#reserve(FIXED_BYTES + textLength + shared.series.length + shared.version.length + shared.rest.length);
    const start = this.#at;
    this.#at += 4;
    if (!this.#text(NAME.id, claimKey)) return false;
    this.#copy(shared.series);
    if (!this.#text(NAME.userId, userId) || !this.#text(NAME.requestId, requestId)) return false;
    this.#time(NAME.grantedAt, draft.grantedAt);
    this.#copy(shared.version);
    this.#slot(slot);
    this.#copy(shared.rest);
    if (!this.#text(NAME.attempt, attempt)) return false;
    this.#buffer[this.#at++] = 0;
    this.#buffer.writeInt32LE(this.#at - start, start);
    return true;
  }

  #sharedOf(draft: ClaimDraft): Shared {
    const known = this.#shared;
    if (known !== null && isAlike(known.like, draft)) return known;
    const { eventKey, period, configVersion, rewards, delivery } = draft;
    const shared = {
      like: draft,
      series: elements({ eventKey, period }),
      version: elements({ configVersion }),
      rest: elements({ rewards, delivery }),
    };
    this.#shared = shared;
    return shared;
  }

  #reserve(count: number): void {
    if (this.#at + count <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#buffer.length, this.#at + count));
    larger.set(this.bytes());
    this.#buffer = larger;
  }

  #copy(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #head(type: number, name: Uint8Array): void {
    const buffer = this.#buffer;
    buffer[this.#at++] = type;
    for (let i = 0; i < name.length; i++) buffer[this.#at++] = name[i] as number;
  }

  #text(name: Uint8Array, text: string): boolean {
    this.#head(TYPE.string, name);
    const buffer = this.#buffer;
    const { length } = text;
    buffer.writeInt32LE(length + 1, this.#at);
    let at = this.#at + 4;
    let all = 0;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      all |= code;
      buffer[at++] = code;
    }
    buffer[at++] = 0;
    this.#at = at;
    return all <= ASCII_MAX;
  }

  #time(name: Uint8Array, timeMs: number): void {
    this.#head(TYPE.date, name);
    this.#buffer.writeUInt32LE(timeMs % HIGH_WORD, this.#at);
    this.#buffer.writeUInt32LE(Math.floor(timeMs / HIGH_WORD), this.#at + 4);
    this.#at += 8;
  }

  #slot(slot: number | null): void {
    this.#head(slot === null ? TYPE.null : TYPE.int32, NAME.slot);
    if (slot === null) return;
    this.#buffer.writeInt32LE(slot, this.#at);
    this.#at += 4;
  }
}

function isUsual({ delivery, grantedAt }: ClaimDraft, slot: number | null): boolean {
  const isSlotShort = slot === null || slot <= INT32_MAX;
  const isUndelivered = delivery.state === 'PENDING' && delivery.attempts === 0 && delivery.fulfilledAt === null;
  return isSlotShort && isUndelivered && Number.isSafeInteger(grantedAt) && grantedAt >= 0;
}

/** Rewards are compared as the object they are: the claims of one configuration have them from it. */
function isAlike(one: ClaimDraft, other: ClaimDraft): boolean {
  return (
    one.rewards === other.rewards &&
    one.configVersion === other.configVersion &&
    one.period === other.period &&
    one.eventKey === other.eventKey
  );
}

/** A document without its length and its end. */
function elements(fields: object): Uint8Array {
  return BSON.serialize(fields).subarray(4, -1);
}

/** With the zero that ends it. */
function elementName(name: string): Uint8Array {
  return Buffer.from(`${name}\0`, 'latin1');
}
