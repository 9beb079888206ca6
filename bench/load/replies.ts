/**
 * Bytes into replies, for the three protocols that the load process speaks. A reply is a slot and an outcome; what else it
 * says is skipped, because reading it would cost the generator more than the server spent on it.
 */

import { decodeBody } from '../../protocol/codec.ts';
import { ERRORS } from '../../protocol/errors.ts';
import { FrameReader, KIND } from '../../protocol/frame.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { Dialect } from './job.ts';

/** `slot` is IN_ORDER where replies come in the order of the requests; `outcome` is a code of the error table. */
export type OnReply = (slot: number, outcome: number) => void;
/** Throws when the peer says something that is no reply. */
export type Replies = (chunk: Buffer, onReply: OnReply) => void;

export const IN_ORDER = -1;
/** Outcomes are below this. */
export const OUTCOMES_MAX = 1_024;

const GRANTED = ERRORS.GRANTED.code;
const ALREADY_CLAIMED = ERRORS.ALREADY_CLAIMED.code;
/** Of statuses that stand for a code of the table; others are counted under their own number. */
const OUTCOME_OF_STATUS: Readonly<Record<number, number>> = {
  201: GRANTED,
  200: ERRORS.REPLAYED.code,
};

export function repliesOf(dialect: Dialect): Replies {
  switch (dialect.kind) {
    case 'claimd':
    case 'framed':
      return framedReplies();
    case 'resp':
      return respReplies();
    case 'http':
      return httpReplies();
  }
}

function framedReplies(): Replies {
  const reader = new FrameReader(LIMITS.frameBytesMax);
  return (chunk, onReply) => {
    reader.push(chunk);
    for (let frame = reader.next(); frame !== null; frame = reader.next()) {
      if (frame.kind !== KIND.reply) throw new Error(`the server sent ${JSON.stringify(decodeBody(frame.body))}`);
      onReply(frame.number - 1, outcomeIn(frame.body));
    }
  };
}

/** The code is the first value of the body's array, and every code so far is a one-byte integer. */
export function outcomeIn(body: Uint8Array): number {
  const [array = 0, code = 0] = body;
  if (array >> 4 !== 0x9 || code > 0x7f) throw new Error(`a reply began with ${array} ${code}`);
  return code;
}

const PLUS = 0x2b;
const DOLLAR = 0x24;
const LF = 0x0a;

/** `+OK` for a key that was set, `$-1` for one that was there. */
function respReplies(): Replies {
  let first = 0;
  return (chunk, onReply) => {
    for (const byte of chunk) {
      if (first === 0) first = byte;
      if (byte !== LF) continue;
      if (first !== PLUS && first !== DOLLAR) throw new Error(`redis answered ${chunk.toString('latin1')}`);
      onReply(IN_ORDER, first === PLUS ? GRANTED : ALREADY_CLAIMED);
      first = 0;
    }
  };
}

const HEAD_END = '\r\n\r\n';

function httpReplies(): Replies {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk, onReply) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let bodyAt = bodyOf(rest); bodyAt !== -1; bodyAt = bodyOf(rest)) {
      const head = rest.toString('latin1', 0, bodyAt);
      const [, digits] = /\r\ncontent-length: *(\d+)\r\n/i.exec(head) ?? [];
      if (digits === undefined) throw new Error(`an answer without a length: ${head}`);
      const end = bodyAt + Number(digits);
      if (rest.length < end) return;
      const status = Number(head.slice(9, 12));
      onReply(IN_ORDER, OUTCOME_OF_STATUS[status] ?? status);
      rest = rest.subarray(end);
    }
  };
}

/** Where the body of the first answer begins, or -1. */
function bodyOf(bytes: Buffer): number {
  const at = bytes.indexOf(HEAD_END);
  return at === -1 ? -1 : at + HEAD_END.length;
}
