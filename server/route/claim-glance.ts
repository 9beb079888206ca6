/**
 * Finds the claims among bytes that have just come, before their frames are cut out one by one: only where their user and
 * request id lie, so that `Foresight` can be told of all of them. Nothing is judged. Whatever else the bytes hold is passed
 * over, and what looks like a claim and is none has its place touched for nothing.
 */
import { HEADER_BYTES, LENGTH_BYTES, PREFIX_BYTES, readUint32 } from '../../protocol/frame.ts';
import { OPS } from '../../protocol/ops.ts';
import { hintOf } from '../journal/event-hint.ts';
import type { Foresight } from '../journal/foresight.ts';
import { textEnd } from '../store/block/claim-text.ts';

const OP_AT = 6;
/** The heads of the array and of the actor, which is nil. */
const FIELDS_AT = PREFIX_BYTES + 2;

export function foreseeClaims(bytes: Uint8Array, foresight: Foresight): void {
  let at = 0;
  let end = frameEnd(bytes, 0);
  // One claim alone has nobody to be looked at with.
  if (end >= bytes.length) return;
  foresight.begin(bytes);
  let isRoomLeft = true;
  while (isRoomLeft && end <= bytes.length) {
    if (bytes[at + OP_AT] === OPS.CLAIM.op) {
      const userAt = textEnd(bytes, at + FIELDS_AT);
      const userEnd = textEnd(bytes, userAt);
      const requestEnd = textEnd(bytes, userEnd);
      if (requestEnd <= end) {
        const hint = hintOf(bytes, at + FIELDS_AT, userAt);
        isRoomLeft = foresight.add(hint, userAt, userEnd, requestEnd);
      }
    }
    at = end;
    end = frameEnd(bytes, at);
  }
  foresight.touch();
}

/** The byte behind the frame that begins at `at`; behind all bytes where its head is not there. */
function frameEnd(bytes: Uint8Array, at: number): number {
  if (at + FIELDS_AT > bytes.length) return Number.POSITIVE_INFINITY;
  return at + LENGTH_BYTES + Math.max(HEADER_BYTES, readUint32(bytes, at));
}
