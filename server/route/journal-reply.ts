/**
 * Replies to claims of the journal, copied together from bytes: what a claim's user and request id are stands in the log
 * as it stands on the wire, and everything else is the same for all claims of a configuration. The result is byte for
 * byte what `claimReply` makes, which the test beside it shows.
 */
import { type Claim, encodeClaim } from '../../protocol/claim.ts';
import { encodeBody } from '../../protocol/codec.ts';
import { ERRORS } from '../../protocol/errors.ts';
import { KIND, PREFIX_BYTES, writePrefixAt } from '../../protocol/frame.ts';
import { OPS } from '../../protocol/ops.ts';
import type { Entry } from '../journal/entries.ts';
import type { ClaimedCode } from '../journal/receiver.ts';
import { copyWords, LastView, viewOf } from '../lib/words.ts';
import type { Peer } from '../net/peer.ts';
import { nextClaimAfter } from '../rules/decide.ts';
import { textEnd } from '../store/block/claim-text.ts';
import { CLAIM_AT } from '../store/block/layout.ts';
import type { EventRecord } from '../store/store.ts';

const OP = OPS.CLAIM.op;
const NIL = 0xc0;
const TIME_BYTES = 9;
const CODE_AT = PREFIX_BYTES + 1;

/** What all replies about claims of one entry share, while its event is as it is. */
type Parts = { event: EventRecord; head: DataView; version: DataView; tail: DataView };

const partsByEntry = new WeakMap<Entry, Parts>();
let lastEntry: Entry | null = null;
let lastParts: Parts | null = null;
const frames = new LastView();
const rings = new LastView();

/** The claim's item, as `server/store/block/BLOCK.md` draws it, starts at byte `index` of `ring`. */
export function sendJournalReply(
  peer: Pick<Peer, 'reserve' | 'outgoing'>,
  number: number,
  code: ClaimedCode,
  ring: Buffer,
  index: number,
  entry: Entry,
): void {
  const { head, version, tail } = partsOf(entry);
  const slot = ring.readUInt32BE(index + CLAIM_AT.slot);
  const from = index + CLAIM_AT.userId;
  const end = textEnd(ring, textEnd(ring, from));
  const idBytes = end - from;
  const slotBytes = slot < 128 ? 1 : slot < 256 ? 2 : slot < 65_536 ? 3 : 5;
  const bytes = head.byteLength + idBytes + TIME_BYTES + version.byteLength + slotBytes + tail.byteLength;
  const start = peer.reserve(number, bytes);
  if (start < 0) return;
  const frame = peer.outgoing;
  const to = frames.of(frame);
  const log = rings.of(ring);
  const timeAt = index + CLAIM_AT.grantedAt;
  let at = copyWords(to, start, head, 0, head.byteLength);
  at = copyWords(to, at, log, from, end);
  at = copyWords(to, at, log, timeAt, timeAt + TIME_BYTES);
  at = copyWords(to, at, version, 0, version.byteLength);
  at = putSlot(frame, at, slot);
  copyWords(to, at, tail, 0, tail.byteLength);
  writePrefixAt(frame, start, bytes, KIND.reply, OP, number);
  frame[start + CODE_AT] = ERRORS[code].code;
}

function partsOf(entry: Entry): Parts {
  const event = entry.by?.config.record ?? entry.by?.event;
  if (event === undefined) throw new Error('a claim that this boot did not decide is not answered from its log');
  if (entry === lastEntry && lastParts?.event === event) return lastParts;
  let parts = partsByEntry.get(entry);
  if (parts === undefined || parts.event !== event) {
    parts = madeParts(entry, event);
    partsByEntry.set(entry, parts);
  }
  lastEntry = entry;
  lastParts = parts;
  return parts;
}

/** Cut from a reply that the general way encodes, so that the two cannot drift apart. */
function madeParts({ series, by }: Entry, event: EventRecord): Parts {
  const { eventKey, period, configVersion, rewards } = series;
  const claim: Claim = {
    claimKey: '',
    ...{ eventKey, period, configVersion, rewards, userId: 'u', requestId: 'r', slot: null },
    grantedAt: 2 ** 40,
    delivery: { state: 'PENDING', attempts: 0, fulfilledAt: null },
  };
  const span = by?.span;
  const nextClaimAt = span === undefined ? null : nextClaimAfter(claim, event, span);
  const [, , , , , versionValue, , ...rest] = encodeClaim(claim, nextClaimAt);
  const body = (values: Parameters<typeof encodeBody>[0]) => encodeBody(values).subarray(1);
  const head = Buffer.concat([
    Buffer.alloc(PREFIX_BYTES),
    // [code, [twelve fields], nil]; the code is written for each reply.
    Buffer.from([0x93, 0, 0x9c]),
    body([eventKey, period]),
  ]);
  const version = viewOf(body([versionValue as number]));
  return { event, head: viewOf(head), version, tail: viewOf(body([...rest, null])) };
}

/** The shortest MessagePack integer, as msgpackr writes it; nil for none. */
function putSlot(to: Buffer, at: number, slot: number): number {
  if (slot === 0) {
    to[at] = NIL;
    return at + 1;
  }
  if (slot < 128) {
    to[at] = slot;
    return at + 1;
  }
  if (slot < 256) {
    to[at] = 0xcc;
    to[at + 1] = slot;
    return at + 2;
  }
  if (slot < 65_536) {
    to[at] = 0xcd;
    return to.writeUInt16BE(slot, at + 1);
  }
  to[at] = 0xce;
  return to.writeUInt32BE(slot, at + 1);
}
