/**
 * Inserts of claim key and request id in Tarantool's binary protocol: five bytes of length, a map of request type and
 * number, a map of space and tuple, all of it MessagePack. The server answers with the tuple, or with an error for a key
 * that was there.
 *
 *     request  ce length:u32 | 82 00 02 01 ce number:u32 | 82 10 space 21 92 key requestId
 *     reply    ce length:u32 | 83 00 ce code:u32 01 cf number:u64 05 ce schema:u32 | body
 */
import { encodeBody } from '../../../protocol/codec.ts';
import { ERRORS } from '../../../protocol/errors.ts';
import { claimKeyOf } from '../../../protocol/key.ts';
import { requestIdOf, userIdOf } from '../ids.ts';
import type { Claims } from '../job.ts';
import { type Answers, copiesOf, type Replies, type Spoken, wholeMessages } from './dialect.ts';
import { idsIn } from './ids-in.ts';
import { ONCE } from './resp.ts';

/** What the server says before anything is asked. */
export const GREETING_BYTES = 128;
const LENGTH_BYTES = 5;
const REQUEST_NUMBER_AT = 10;
const CODE_AT = 8;
const REPLY_NUMBER_AT = 18;
const REPLY_HEAD_BYTES = 28;
const TUPLE_FOUND = 0x8003;

export function inserts(claims: Claims, spaceId: number, count: number): Spoken {
  const [eventKey] = claims.eventKeys as [string];
  const key = claimKeyOf(eventKey, ONCE, userIdOf(0, claims.userTag));
  const tuple = encodeBody([key, requestIdOf(0, claims.requestTag)]);
  const head = Buffer.from([0x82, 0x00, 0x02, 0x01, 0xce, 0, 0, 0, 0, 0x82, 0x10, 0xcd, 0, 0, 0x21]);
  head.writeUInt16BE(spaceId, 12);
  const request = Buffer.concat([Buffer.alloc(LENGTH_BYTES), head, tuple]);
  request[0] = 0xce;
  request.writeUInt32BE(request.length - LENGTH_BYTES, 1);
  const writeIds = idsIn(request, claims);
  const bytesMax = request.length;
  const write = (into: Buffer, at: number, index: number, slot: number) => {
    writeIds(into, at, index);
    into.writeUInt32BE(slot + 1, at + REQUEST_NUMBER_AT);
    return bytesMax;
  };
  const requests = { bytesMax, count, room: (requests: number) => copiesOf(request, requests), write };
  return { requests, replies: (): Replies => wholeMessages(lengthAt, takeReply) };
}

function lengthAt(bytes: Buffer, at: number, end: number): number {
  return at + REPLY_HEAD_BYTES > end ? 0 : bytes.readUInt32BE(at + 1) + LENGTH_BYTES;
}

function takeReply(bytes: Buffer, at: number, length: number, answers: Answers): void {
  const code = bytes.readUInt32BE(at + CODE_AT);
  if (code !== 0 && code !== TUPLE_FOUND) {
    throw new Error(
      `tarantool answered ${code.toString(16)} ${bytes.toString('latin1', at + REPLY_HEAD_BYTES, at + length)}`,
    );
  }
  answers.counted(code === 0 ? ERRORS.GRANTED.code : ERRORS.ALREADY_CLAIMED.code, 1);
  answers.settled(bytes.readUInt32BE(at + REPLY_NUMBER_AT) - 1);
}
