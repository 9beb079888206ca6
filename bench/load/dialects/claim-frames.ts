/** Claims one by one in claimd's own frames. */
import { decodeBody, encodeFrame } from '../../../protocol/codec.ts';
import { KIND, LENGTH_BYTES, PREFIX_BYTES } from '../../../protocol/frame.ts';
import { OPS } from '../../../protocol/ops.ts';
import { requestIdOf, userIdOf } from '../ids.ts';
import type { Claims } from '../job.ts';
import { type Answers, copiesOf, OUTCOMES_MAX, type Replies, type Spoken, wholeMessages } from './dialect.ts';
import { idsIn } from './ids-in.ts';

export const REQUEST_NUMBER_AT = 8;
const KIND_AT = 5;

export function claimFrames(claims: Claims, count: number): Spoken {
  const [eventKey] = claims.eventKeys as [string];
  const body = [null, eventKey, userIdOf(0, claims.userTag), requestIdOf(0, claims.requestTag), null];
  const frame = Buffer.from(encodeFrame(KIND.request, OPS.CLAIM.op, 0, body));
  const writeIds = idsIn(frame, claims);
  const bytesMax = frame.length;
  return {
    requests: {
      bytesMax,
      count,
      room: (requests) => copiesOf(frame, requests),
      write(into, at, index, slot) {
        writeIds(into, at, index);
        into.writeUInt32BE(slot + 1, at + REQUEST_NUMBER_AT);
        return bytesMax;
      },
    },
    replies: () => replyFrames(takeClaimReply),
  };
}

type TakeFrame = (bytes: Buffer, at: number, length: number, answers: Answers) => void;

/** Whole reply frames; anything else than a reply fails the job. */
export function replyFrames(take: TakeFrame): Replies {
  return wholeMessages(frameLengthAt, (bytes, at, length, answers) => {
    if (bytes[at + KIND_AT] !== KIND.reply) throw new Error(`the server sent ${textOf(bytes, at, length)}`);
    take(bytes, at, length, answers);
  });
}

export function frameLengthAt(bytes: Buffer, at: number, end: number): number {
  return at + PREFIX_BYTES > end ? 0 : bytes.readUInt32BE(at) + LENGTH_BYTES;
}

export function slotAt(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at + REQUEST_NUMBER_AT) - 1;
}

function takeClaimReply(bytes: Buffer, at: number, length: number, answers: Answers): void {
  answers.counted(outcomeAt(bytes, at, length), 1);
  answers.settled(slotAt(bytes, at));
}

/** The code is the first value of the body's array: one byte, or three beyond 255 and two beyond 127. */
export function outcomeAt(bytes: Buffer, at: number, length: number): number {
  const code = bytes[at + PREFIX_BYTES + 1] as number;
  if (code < 0x80) return code;
  const value = (decodeBody(bytes.subarray(at + PREFIX_BYTES, at + length)) as unknown[])[0];
  if (typeof value === 'number' && value < OUTCOMES_MAX) return value;
  throw new Error(`a reply said ${textOf(bytes, at, length)}`);
}

export function textOf(bytes: Buffer, at: number, length: number): string {
  return JSON.stringify(decodeBody(bytes.subarray(at + PREFIX_BYTES, at + length)));
}
