/**
 * Many claims of one event in one frame of claimd. Of the answer, `[code, [series, problems, packed], detail]`, only the
 * code of each entry is read (`protocol/batch.ts` has what the rest says), one walk over the packed bytes.
 */
import { ENTRY_BYTES, FLAG } from '../../../protocol/batch.ts';
import { decodeBody, encodeFrame } from '../../../protocol/codec.ts';
import { ERRORS } from '../../../protocol/errors.ts';
import { KIND, PREFIX_BYTES } from '../../../protocol/frame.ts';
import { OPS } from '../../../protocol/ops.ts';
import {
  REQUEST_DIGITS_AT,
  requestIdOf,
  scattered,
  USER_DIGITS_AT,
  USER_ID_LENGTH,
  userIdOf,
  writeDigits,
} from '../ids.ts';
import type { Claims } from '../job.ts';
import { outcomeAt, REQUEST_NUMBER_AT, replyFrames, slotAt, textOf } from './claim-frames.ts';
import { type Answers, copiesOf, type Replies, type Spoken } from './dialect.ts';

/** Each user id stands behind one byte of its string's length. */
const ID_STRIDE = USER_ID_LENGTH + 1;

/** Ids of users 0, 1, … `size` − 1 are those of the first frame; a frame is of one event, and events take turns. */
export function batchFrames(claims: Claims, size: number, count: number): Spoken {
  const { eventKeys, userTag, requestTag, userCount } = claims;
  const userIds = Array.from({ length: size }, (_, index) => userIdOf(index, userTag));
  const body = [null, eventKeys[0] ?? '', requestIdOf(0, requestTag), userIds, null];
  const frame = Buffer.from(encodeFrame(KIND.request, OPS.CLAIM_BATCH.op, 0, body));
  const eventAt = frame.indexOf(eventKeys[0] ?? '');
  const batchAt = frame.indexOf(requestIdOf(0, requestTag)) + REQUEST_DIGITS_AT;
  const firstUserAt = frame.indexOf(userIdOf(0, userTag)) + USER_DIGITS_AT;
  const write = (into: Buffer, at: number, index: number, slot: number) => {
    const turn = Math.floor(index / (userCount ?? size)) % eventKeys.length;
    if (eventKeys.length > 1) into.write(eventKeys[turn] ?? '', at + eventAt, 'latin1');
    writeDigits(into, at + batchAt, scattered(index));
    let userAt = at + firstUserAt;
    for (let entry = index; entry < index + size; entry++) {
      writeDigits(into, userAt, scattered(userCount === null ? entry : entry % userCount));
      userAt += ID_STRIDE;
    }
    into.writeUInt32BE(slot + 1, at + REQUEST_NUMBER_AT);
    return frame.length;
  };
  const room = (requests: number) => copiesOf(frame, requests);
  return { requests: { bytesMax: frame.length, count, room, write }, replies: () => batchReplies(size) };
}

function batchReplies(size: number): Replies {
  return replyFrames((bytes, at, length, answers) => {
    const code = outcomeAt(bytes, at, length);
    if (code !== ERRORS.OK.code) answers.counted(code, size);
    else countEntries(bytes, at, length, answers);
    answers.settled(slotAt(bytes, at));
  });
}

const FLAGS_AT = 9;

function countEntries(bytes: Buffer, at: number, length: number, answers: Answers): void {
  const [, result] = decodeBody(bytes.subarray(at + PREFIX_BYTES, at + length)) as unknown[];
  const [, problems, packed] = Array.isArray(result) ? result : [];
  if (!(packed instanceof Uint8Array)) throw new Error(`a batch was answered ${textOf(bytes, at, length)}`);
  for (let entry = 0; entry < packed.length; entry += entryBytesAt(packed, entry)) {
    const code = packed[entry] as number;
    const place = (packed[entry + 1] as number) * 256 + (packed[entry + 2] as number);
    answers.counted(code === 0 ? (problems[place][0] as number) : code, 1);
  }
}

function entryBytesAt(packed: Uint8Array, at: number): number {
  const code = packed[at] as number;
  if (code === 0) return ENTRY_BYTES.problem;
  const flags = packed[at + FLAGS_AT] as number;
  let bytes = ENTRY_BYTES.claim as number;
  if ((flags & FLAG.slot) !== 0) bytes += ENTRY_BYTES.slot;
  if ((flags & FLAG.delivery) !== 0) bytes += ENTRY_BYTES.delivery;
  return code === ERRORS.ALREADY_CLAIMED.code ? bytes + 1 + (packed[at + bytes] as number) : bytes;
}
